import type { ViewProps } from "../kit/client";
import { useCommands } from "../kit/controls";
import { useClient } from "../kit/pages";
import { Listing } from "./listing";

/** An evaluation: the score with its interval, how scores lie, the rows, and what was called for each; beside another one, if wanted. */
export function Report(props: ViewProps) {
  const client = useClient(props.model);
  return <Listing {...props} client={client} by={useCommands(client, props.root, props.model)} />;
}
