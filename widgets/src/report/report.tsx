import type { ViewProps } from "../kit/client";
import { useClient } from "../kit/pages";
import { Listing } from "./listing";

/** An evaluation: the score with its interval, how scores lie, the rows, and what was called for each; beside another one, if wanted. */
export const Report = (props: ViewProps) => <Listing {...props} client={useClient(props.model)} />;
