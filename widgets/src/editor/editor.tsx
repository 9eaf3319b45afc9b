import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import type { ViewProps } from "../kit/client";
import { Button, Notice, useCommands, Wait } from "../kit/controls";
import { Area, FormRow, isCut } from "../kit/form";
import { useTrait } from "../kit/kept";
import { useKeys } from "../kit/keys";
import { useClient } from "../kit/pages";
import { Say, type Doer, type Part } from "../kit/parts";
import { plain } from "../kit/text";

declare module "../kit/client" {
  interface Answers {
    editor: Record<"head" | "save" | "program" | "tries", Part>;
    prompts: Part;
  }
}

const HELP: [string, string][] = [
  ["e", "edit the first text"],
  ["⌫", "undo the last edit"],
  ["Ctrl+Enter", "save a text, or try it"],
];
const PAUSE = 250; // ms without a key before the prompt is asked for
const TEXT = "edit:"; // what is typed into a text is known by this and its slot

/** A program: its texts and demos, and beside them the exact prompt of what stands there, also while it is typed, and what the program answers. */
export function Editor({ model, root }: ViewProps) {
  const client = useClient(model);
  const changed = useTrait<number>(model, "changed");
  const commands = useCommands(client, root, model, async (action): Promise<boolean> => action === "edit" || saveAll());
  const { typed } = commands;
  const saving = useRef<Record<string, { text: string; done: Promise<any> }>>({}).current; // by slot
  const inputs = typed["rerun:"] ?? {};
  const edits = Object.fromEntries(Object.entries(typed).flatMap(([name, { text }]) => (name.startsWith(TEXT) ? [[name.slice(TEXT.length), text]] : [])));
  const drafts = useRef(edits);
  drafts.current = edits;
  const saveText = async (slot: string, text: string): Promise<any> => {
    while (saving[slot]) {
      if (saving[slot].text === text) return saving[slot].done;
      await saving[slot].done;
    }
    saving[slot] = { text, done: commands.send("edit", { slot, text }, slot) };
    const saved = await saving[slot].done;
    delete saving[slot];
    if (saved !== undefined && drafts.current[slot] === text) commands.type(TEXT + slot); // what was typed meanwhile stays
    return saved;
  };
  /** A click is carried out before the text that it leaves is saved, so every command waits for that. Whether all is saved. */
  const saveAll = async (): Promise<boolean> => {
    for (const [slot, text] of Object.entries(drafts.current)) if ((await saveText(slot, text)) === undefined) return false;
    return true;
  };
  const [state, problem] = useAsk(() => client.get("editor", {}), [changed]);
  const now = JSON.stringify([changed, edits, inputs]);
  const [asked, setAsked] = useState(now);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(now), PAUSE);
    return () => clearTimeout(timer);
  }, [now]);
  const [prompts, lost] = useAsk(() => client.get("prompts", { edits, inputs }), [asked]);
  useLayoutEffect(() => void (root.dataset.state = "running"), []);
  const by: Doer = {
    ...commands,
    own: { slot: Slot },
    // every trial is of what stands there; the kernel has what was not typed, whole
    send: (action, args: any, id) => (action === "edit" ? saveText(args.slot, args.text) : commands.send(action, action === "rerun" ? { ...args, inputs } : args, id)),
  };
  const undo = () => root.querySelector<HTMLElement>("[data-action=undo]")?.click();
  const { toggle, sheet } = useKeys(root, { e: () => root.querySelector("textarea")?.focus(), Backspace: undo, z: undo }, HELP);
  if (!state) return <Wait problem={problem} />;
  return (
    <>
      <header role="group" aria-label="Edits">
        <Say of={state.head} by={by} />
        <Button class="quiet" aria-label="Keys" shortcut="?" onClick={toggle} />
      </header>
      {sheet}
      <Say of={state.save} by={by} />
      <Notice said={by.said} class="run-error" onClose={() => by.say(null)} />
      <div class="trace-cols">
        <div class="pane">
          <Say of={state.program} by={by} />
        </div>
        <div class="pane">
          <Say of={state.tries} by={by} />
          <div role="group" aria-label="Exact prompt" aria-busy={asked !== now}>
            {(lost || !prompts) && <Wait problem={lost} />}
            <Say of={prompts} by={by} />
          </div>
        </div>
      </div>
    </>
  );
}

/** One text. It is saved when the reader leaves it or presses Ctrl+Enter; Escape takes back what was typed. */
const Slot: NonNullable<Doer["own"]>[string] = ({ by, given: { slot, label, text, title, ...more }, children }) => {
  const name = TEXT + slot;
  const draft = by.typed[name]?.text;
  const own = useRef<HTMLDivElement>(null);
  const isHeld = () => own.current?.contains((own.current.getRootNode() as Document).activeElement); // an output that is published anew takes the focus for no time
  const leave = () => setTimeout(() => isHeld() || void save());
  const save = () => (draft === text ? by.type(name) : draft != null && by.send("edit", { slot, text: draft }, slot));
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") by.type(name);
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="slot" data-kind="slot" data-id={slot} ref={own} onFocusOut={leave} onKeyDown={onKey} title={plain(title)}>
      <FormRow label={label}>
        <Area data-action="edit" data-slot={slot} value={draft ?? text} readOnly={isCut(text)} onText={(next) => by.type(name, "text", next)} {...more} />
      </FormRow>
      {isCut(text) && <span class="muted">Cut: it is too long for a panel, so change it in a cell.</span>}
      {children}
    </div>
  );
};
