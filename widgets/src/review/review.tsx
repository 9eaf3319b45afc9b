import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import type { ViewProps } from "../kit/client";
import { Button, Notice, useCommands, Wait } from "../kit/controls";
import { useTrait } from "../kit/kept";
import { useKeys } from "../kit/keys";
import { useClient } from "../kit/pages";
import { nameOf } from "../kit/part_form";
import { Say, type Doer, type Part } from "../kit/parts";
import { TraceView } from "../traces/view";

/** A review as the kernel says it: what is drawn, and what the keys do. */
interface Seen extends Record<"head" | "done" | "item", Part> {
  changes: number;
  state: string;
  /** Of the item. */
  id: string | null;
  reasons: string[];
  /** The button that a key presses: its action, and its id. */
  keys: Record<string, string>;
  help: [key: string, does: string][];
}

declare module "../kit/client" {
  interface Answers {
    snapshot: Seen;
  }
}

/** A queue, one item on the screen: every key is an answer, and the next item comes. */
export function Review({ model, root }: ViewProps) {
  const client = useClient(model);
  const changes = useTrait<number>(model, "changes");
  const [told, setTold] = useState<Seen | null>(null); // what the last command came back with
  const busy = useRef(false);
  const commands = useCommands(client, root, model);
  const [asked, problem] = useAsk(() => told?.changes !== changes && client.get("snapshot", {}), [changes]);
  const known = told && (!asked || told.changes > asked.changes) ? told : asked;
  useLayoutEffect(() => root.setAttribute("data-state", known?.state ?? ""), [known?.state]);
  const by: Doer = {
    ...commands,
    send: async (...order) => {
      if (busy.current) return; // a second key would be about the same item
      busy.current = true;
      const now = await commands.send(...order);
      busy.current = false;
      if (now) setTold(now);
      return now;
    },
  };
  const press = (name: string) => {
    const [action, id] = name.split(":");
    root.querySelector<HTMLElement>(`[data-action=${action}]${id ? `[data-id="${id}"]` : ""}`)?.click();
  };
  const item = known?.id;
  const { toggle, sheet } = useKeys(
    root,
    {
      ...Object.fromEntries(Object.entries(known?.keys ?? {}).map(([key, name]) => [key, () => press(name)])),
      ...Object.fromEntries((known?.reasons ?? []).map((reason, n) => [n + 1, () => by.send("reject", { item, reason })])),
      Escape: by.open ? () => by.setOpen("") : null,
    },
    known?.help ?? [],
  );
  if (!known) return <Wait problem={problem} />;
  return (
    <>
      <header role="group" aria-label="Progress">
        <Say of={known.head} by={by} />
        <Button class="quiet" aria-label="Keys" shortcut="?" onClick={toggle} />
      </header>
      <Say of={known.done} by={by} />
      {sheet}
      <div class="pane">
        <Say of={known.item} by={by} />
        {item != null && by.open === nameOf({ action: "trace", id: item }) && <TraceView key={item} client={client} of={{ item }} inside />}
        <Notice said={commands.said} onClose={() => commands.say(null)} />
      </div>
    </>
  );
}
