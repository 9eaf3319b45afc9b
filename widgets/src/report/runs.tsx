import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Model, ViewProps } from "../kit/client";
import { Act, Notice, useCommands, type Commands } from "../kit/controls";
import { Diff } from "../kit/diff";
import { useClient } from "../kit/pages";
import { plain, Text } from "../kit/text";
import { Listing } from "./listing";

interface Comparison {
  words: string;
  facts: [title: string, mine: string, other: string][];
  texts: { slot: string; before: string; after: string }[];
  notes: string[];
}

type Open = (model: Model, el: HTMLElement) => () => void;

/** The stored runs: one is opened in its Studio, or set beside another one. */
export function Runs({ open, ...props }: ViewProps & { open: Open }) {
  const client = useClient(props.model);
  const commands = useCommands(client, props.root, props.model);
  return <Listing {...props} client={client} more={(id, others) => <Chosen key={id} {...{ id: String(id), others, commands, open }} model={props.model} />} />;
}

interface ChosenProps {
  id: string;
  others: [id: string | number, name: string][];
  commands: Commands;
  open: Open;
  model: Model;
}

function Chosen({ id, others, commands, open, model }: ChosenProps) {
  const [found, setFound] = useState<Comparison | null>(null);
  const [studio, setStudio] = useState<[Model] | null>(null);
  const look = async () => {
    const made = await commands.send("open", { run: id });
    const manager = model.widget_manager;
    if (made && manager?.get_model) setStudio([await manager.get_model(made.model)]);
    else if (made) commands.say({ text: "Panels in panels are not for this front end. In a cell: lmnb.reopen(path).", bad: false });
  };
  const compare = async (other: string) => setFound((other && (await commands.send("compare", { one: id, other }))) || null);
  return (
    <>
      <div class="row">
        <Act by={commands} action="open" onClick={look}>
          Open in its Studio
        </Act>
        <label>
          <span class="muted">beside</span>
          <select data-action="compare" aria-label="Beside" onChange={(event) => void compare(event.currentTarget.value)}>
            <option value="">nothing</option>
            {others.map(([other, name]) => other !== id && <option value={other}>{plain(name)}</option>)}
          </select>
        </label>
      </div>
      <Notice said={commands.said} onClose={() => commands.say(null)} />
      {found && (
        <>
          <p class="num">
            <Text>{found.words}</Text>
          </p>
          <table class="both num">
            {found.facts.map(([title, ...both]) => (
              <tr class={both[0] === both[1] ? "muted" : ""}>
                <th scope="row">{title}</th>
                {both.map((text) => (
                  <td>{plain(text)}</td>
                ))}
              </tr>
            ))}
          </table>
          {found.texts.map(({ slot, before, after }) => [<h4>{plain(slot)}</h4>, <Diff before={before} after={after} />])}
          {found.notes.map((note) => (
            <p class="num">
              <Text>{note}</Text>
            </p>
          ))}
        </>
      )}
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
