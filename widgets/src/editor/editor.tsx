import { useEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import { Client, type ViewProps } from "../kit/client";
import { Act, Button, Notice, useCommands, Wait, type Commands } from "../kit/controls";
import { Diff } from "../kit/diff";
import { Area, FieldForm, FormRow, isCut } from "../kit/form";
import { plural } from "../kit/format";
import { useKept } from "../kit/kept";
import { useKeys } from "../kit/keys";
import { Pairs, plain, Text } from "../kit/text";
import { Tries, type Trial } from "./tries";

interface Slot {
  slot: string;
  kind: string;
  name: string;
  type: string;
  text: string;
  before: string;
}

interface Predictor {
  path: string;
  signature: string;
  slots: Slot[];
  inputs: string[];
  outputs: string[];
  demos: { number: number; fields: Record<string, string>; origin: string }[];
}

export interface EditorState {
  program: string;
  predictors: Predictor[];
  tools: Slot[];
  inputs: { name: string; type: string; text: string }[];
  edits: string[];
  applied: boolean;
  run: string | null;
  undo: boolean;
  redo: boolean;
  trials: Trial[];
}

export type Prompts = Record<string, { messages: { role: string; content: unknown }[]; tokens: number; counted: boolean; before: number }>;

declare module "../kit/client" {
  interface Answers {
    editor: EditorState;
    prompts: Prompts;
  }
}

const HELP: [string, string][] = [
  ["e", "edit the first text"],
  ["⌫", "undo the last edit"],
  ["Ctrl+Enter", "save a text, or try it"],
];
const PAUSE = 250; // ms without a key before the prompt is asked for

export function Editor({ model, root }: ViewProps) {
  const client = useRef<Client>();
  client.current ??= new Client(model);
  const [changed, setChanged] = useState<number>(model.get("changed"));
  const [drafts, setDrafts] = useKept<Record<string, string>>(model, "drafts", {});
  const [typed, setTyped] = useKept<Record<string, string>>(model, "inputs", {});
  const [saving, setSaving] = useState(false);
  const by = useCommands(client.current!, root, model);
  useEffect(() => {
    const told = () => setChanged(model.get("changed"));
    model.on("change:changed", told);
    root.dataset.state = "running";
    return () => {
      model.off("change:changed", told);
      client.current!.close();
    };
  }, []);
  const [state, problem] = useAsk(() => client.current!.get("editor", {}), [changed]);
  const undo = state?.undo && (() => by.send("undo"));
  const { toggle, sheet } = useKeys(root, { e: () => root.querySelector("textarea")?.focus(), Backspace: undo, z: undo }, HELP);
  if (!state) return <Wait problem={problem} />;

  const draft = (slot: string, text?: string) => setDrafts(({ [slot]: _, ...rest }) => (text == null ? rest : { ...rest, [slot]: text }));
  const save = async (_: Record<string, string>, { file }: Record<string, string>) => {
    const got = await by.send("export", { path: file });
    if (!got) return;
    setSaving(false);
    by.say({ text: `Saved as ${got.path}.`, bad: false });
  };
  const typing = Object.keys(drafts).length > 0; // a click leaves the text that is being typed, which saves it
  const slots = (of: Slot[]) =>
    of.length > 0 && (
      <div class="form fields">
        {of.map((slot) => (
          <SlotField key={slot.slot} by={by} slot={slot} draft={drafts[slot.slot]} onDraft={draft} />
        ))}
      </div>
    );
  return (
    <>
      <header role="group" aria-label="Edits">
        <h3>
          <Text>{state.program}</Text>
        </h3>
        <span class="muted" role="status">
          {plural(state.edits.length, "edit")}
          {!state.applied ? ", not applied" : state.undo && ", applied"}
        </span>
        <span class="buttons row-end">
          <Act by={by} action="undo" shortcut="Backspace" disabled={!state.undo}>
            Undo
          </Act>
          <Act by={by} action="redo" disabled={!state.redo}>
            Redo
          </Act>
          {state.run && (
            <Act by={by} action="inject" disabled={!state.edits.length && !typing} title={plain(`in the run ${state.run}`)}>
              Save as candidate
            </Act>
          )}
          <Button action="export" expanded={saving} onClick={() => setSaving(!saving)}>
            Save as…
          </Button>
          <Act by={by} action="accept" class="primary" disabled={state.applied && !typing} title="Changes your program itself; editor.program is a copy">
            Apply to program
          </Act>
          <Button class="quiet" aria-label="Keys" onClick={toggle}>
            ?
          </Button>
        </span>
      </header>
      {sheet}
      {saving && <FieldForm action="export" id="file" names={["file"]} fields={{ file: `${state.program}.json` }} disabled={false} save="Save" busy={by.busy("export")} onSave={save} onCancel={() => setSaving(false)} />}
      <Notice said={by.said} class="run-error" onClose={() => by.say(null)} />
      <div class="trace-cols">
        <div class="pane">
          {state.predictors.map((one) => (
            <div class="predictor" role="group" key={one.path} aria-label={plain(one.path)}>
              <b>
                <Text>{one.path}</Text>
              </b>{" "}
              <span class="muted">
                <Text>{one.signature}</Text>
              </span>
              {slots(one.slots)}
              <Demos by={by} predictor={one} />
            </div>
          ))}
          {slots(state.tools)}
        </div>
        <div class="pane">
          <Exact client={client.current!} changed={changed} drafts={drafts} inputs={typed} />
          <Tries by={by} state={state} typed={typed} onInput={(name, text) => setTyped((old) => ({ ...old, [name]: text }))} />
        </div>
      </div>
    </>
  );
}

interface SlotProps {
  by: Commands;
  slot: Slot;
  draft?: string;
  onDraft: (slot: string, text?: string) => void;
}

/** One text. It is saved when the reader leaves it or presses Ctrl+Enter; Escape takes back what was typed. */
function SlotField({ by, slot: { slot, kind, name, type, text, before }, draft, onDraft }: SlotProps) {
  const save = async () => {
    if (draft == null || draft === text || (await by.send("edit", { slot, text: draft }, slot))) onDraft(slot);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") onDraft(slot);
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="slot" data-kind="slot" data-id={slot} onFocusOut={save} onKeyDown={onKey} title={plain(type)}>
      <FormRow label={kind === "output" ? `→ ${name}` : name}>
        <Area data-action="edit" data-slot={slot} value={draft ?? text} readOnly={isCut(text)} lines={kind === "instructions" ? [4, 14] : [1, 6]} placeholder={kind === "instructions" ? "" : "no description"} onText={(next) => onDraft(slot, next)} />
      </FormRow>
      {text !== before && <Diff before={before} after={text} />}
    </div>
  );
}

/** The demos of one predictor. */
function Demos({ by, predictor: { path, demos, inputs, outputs } }: { by: Commands; predictor: Predictor }) {
  const [open, setOpen] = useState("");
  const buttons = (at: number | undefined, fields: Record<string, string> | null) => {
    const id = `${path}:${at ?? "new"}`;
    const save = async (draft: Record<string, string>) => (await by.send("edit-demo", { path, at, fields: draft }, id)) && setOpen("");
    const form = open === id && <FieldForm action="edit-demo" id={id} names={fields ? Object.keys(fields) : [...inputs, ...outputs]} fields={fields ?? {}} save="Save demo" busy={by.busy("edit-demo", id)} onSave={save} onCancel={() => setOpen("")} />;
    const edit = (
      <Button class="small" action="edit-demo" id={id} expanded={open === id} onClick={() => setOpen(open === id ? "" : id)}>
        {fields ? "Edit" : "Add a demo"}
      </Button>
    );
    return { id, form, edit };
  };
  const more = buttons(undefined, null);
  return (
    <>
      <h4>{plural(demos.length, "demo")}</h4>
      {demos.map(({ number, fields, origin }) => {
        const { id, form, edit } = buttons(number, fields);
        return (
          <div class="one-demo" data-kind="demo" data-id={id} key={id} role="group" aria-label={`Demo ${number + 1}`}>
            <span class="row">
              <span class="tag">{plain(origin)}</span>
              {edit}
              <Act by={by} class="small" action="reject-demo" id={id} args={{ path, at: number }}>
                Remove
              </Act>
            </span>
            {form || <Pairs rows={Object.entries(fields)} cut={300} />}
          </div>
        );
      })}
      {more.form || more.edit}
    </>
  );
}

/** The exact prompt of what stands there now, also while it is typed. */
function Exact({ client, changed, drafts, inputs }: { client: Client; changed: number; drafts: Record<string, string>; inputs: Record<string, string> }) {
  const now = JSON.stringify([changed, drafts, inputs]);
  const [asked, setAsked] = useState(now);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(now), PAUSE);
    return () => clearTimeout(timer);
  }, [now]);
  const [prompts, problem] = useAsk(() => client.get("prompts", { edits: drafts, inputs }), [asked]);
  return (
    <div role="group" aria-label="Exact prompt" aria-busy={asked !== now}>
      {problem && <Notice said={{ text: problem, bad: true }} />}
      {!prompts && !problem && <Wait />}
      {Object.entries(prompts ?? {}).map(([path, { messages, tokens, counted, before }], n, all) => (
        <details open={tokens !== before || (!n && all.every(([, one]) => one.tokens === one.before))} data-kind="prompt" data-id={path}>
          <summary>
            <b>Exact prompt</b> {all.length > 1 && <Text>{path}</Text>}{" "}
            <span class="muted num" title={counted ? "by the LM's own tokenizer" : "one for every four bytes"}>
              {counted ? plural(tokens, "token") : `about ${plural(tokens, "token")}, estimated`}
              {tokens !== before && ` (${tokens > before ? "+" : "−"}${Math.abs(tokens - before)})`}
            </span>
          </summary>
          <Pairs class="m" cut={6000} rows={messages.map(({ role, content }) => [role, content])} />
        </details>
      ))}
    </div>
  );
}
