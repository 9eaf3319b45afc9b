import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Model, ViewProps } from "../kit/client";
import { Notice, useCommands } from "../kit/controls";
import { useClient } from "../kit/pages";
import { Say, type Doer, type Part } from "../kit/parts";
import { Listing } from "./listing";

type Open = (model: Model, el: HTMLElement) => () => void;

/** The stored runs: one is opened in its Studio, or set beside another one. */
export function Runs({ open, ...props }: ViewProps & { open: Open }) {
  const client = useClient(props.model);
  const commands = useCommands(client, props.root, props.model);
  return <Listing {...props} client={client} by={commands} draw={(said, by) => <Chosen said={said} by={by} open={open} manager={props.model.widget_manager} />} />;
}

/** The run that is chosen, with the Studio or the comparison that its buttons gave. */
function Chosen({ said, by, open, manager }: { said: Part; by: Doer; open: Open; manager: any }) {
  const [found, setFound] = useState<Part>(null);
  const [studio, setStudio] = useState<[Model] | null>(null);
  const send: Doer["send"] = async (...order) => {
    const made = await by.send(...order);
    if (made?.found) setFound(made.found);
    else if (made && manager?.get_model) setStudio([await manager.get_model(made.model)]);
    else if (made) by.say({ text: "Panels in panels are not for this front end. In a cell: lmnb.reopen(path).", bad: false });
    return made;
  };
  return (
    <>
      <Say of={said} by={{ ...by, send }} />
      <Notice said={by.said} onClose={() => by.say(null)} />
      <Say of={found} by={by} />
      {studio && <Place model={studio[0]} open={open} />}
    </>
  );
}

/** A run's Studio inside of this panel. */
function Place({ model, open }: { model: Model; open: Open }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => open(model, place.current!), [model]);
  return <div class="one" ref={place} />;
}
