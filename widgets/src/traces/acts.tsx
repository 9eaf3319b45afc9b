import { useState } from "preact/hooks";
import { Beside } from "../kit/beside";
import { Act, Button, Notice, type Commands } from "../kit/controls";
import { FieldForm } from "../kit/form";
import { count, plural, seconds } from "../kit/format";
import type { SpanRow, TraceData } from "../kit/types";

/** What can be done with a call: who carries it out, which trace of the viewer it is in, and whether its program is there. */
export interface Deed {
  by: Commands;
  index: number;
  live: boolean;
}

interface Props extends Deed {
  span: SpanRow;
  /** The predictor's call, where there is one. */
  step: SpanRow | null;
}

type Fields = Record<string, string>;

// no field of a signature has such names
const FILE = "to the file";
const OPTIONS: Fields = { "other instructions": "instructions", "other LM": "model", "other temperature": "temperature" };
let file = "dataset.jsonl";

/** Keeping a call, as it is or changed, and making it again. */
export function Deeds({ by, index, live, span, step }: Props) {
  const [open, setOpen] = useState("");
  const [kept, setKept] = useState(false);
  const [made, setMade] = useState<TraceData | null>(null);
  const asked = span.kind === "lm" || !live ? span : (step ?? span);
  const isLm = asked.kind === "lm";
  const values: Fields = { ...step?.inputs, ...step?.outputs };
  const texts: Fields = isLm ? Object.fromEntries((asked.messages ?? []).flatMap(({ role, content }, n) => (typeof content === "string" ? [[`${n + 1} ${role}`, content]] : []))) : asked.inputs;
  /** Sends the command about a span of this trace, and says what came of it. */
  const send = async (action: string, { id }: SpanRow, args: object, words: (got: any) => string) => {
    const got = await by.send(action, { index, span: id, ...args }, id);
    if (got) by.say({ text: words(got), bad: false });
    return got;
  };
  const changed = (draft: Fields, of: Fields): Fields => Object.fromEntries(Object.entries(draft).filter(([name, text]) => name in of && text !== of[name]));
  const keep = async (draft: Fields) => {
    if (!(await send("keep-as-demo", step!, { fields: changed(draft, values) }, ({ demos }) => `Kept: the predictor has ${plural(demos, "demo")} now.`))) return;
    setOpen("");
    setKept(true);
  };
  const add = async (draft: Fields, all: Fields) => {
    file = all[FILE];
    const words = ({ path }: Fields) => `Added. lmnb.load_jsonl("${path}", inputs=${JSON.stringify(Object.keys(step!.inputs))}) reads the file.`;
    if (await send("export", step!, { path: file, fields: changed(draft, values) }, words)) setOpen("");
  };
  const again = async (draft: Fields) => {
    const changes: Record<string, unknown> = {};
    for (const [name, option] of Object.entries(OPTIONS)) if (draft[name]?.trim()) changes[option] = draft[name];
    const edited = changed(draft, texts);
    if (Object.keys(edited).length) changes[isLm ? "messages" : "inputs"] = edited;
    if (!Object.keys(changes).length) changes.cache = false; // the same again: its kept reply would be the old one
    const got = await send("rerun", asked, { changes }, () => "");
    if (!got) return;
    by.say(null);
    setMade(got.trace);
  };
  const opens = (which: string) => ({ expanded: open === which, onClick: () => setOpen(open === which ? "" : which) });
  const form = (action: string, { id }: SpanRow) => ({ key: action, action, id, busy: by.busy(action, id), disabled: false, onCancel: () => setOpen("") });
  const now = made?.spans[0];
  const reply = (of: SpanRow): Fields => (isLm ? { reply: of.response ?? "" } : (of.outputs ?? {}));
  const model = (spans: SpanRow[]) => spans.find(({ kind }) => kind === "lm")?.name;
  return (
    <>
      {live && step?.outputs && (
        <>
          <Button action="keep-as-demo" id={step.id} busy={by.busy("keep-as-demo", step.id)} title="Adds it to the demos of this predictor of your program" onClick={() => keep({})}>
            Keep as demo
          </Button>
          <Button action="edit-demo" id={step.id} {...opens("demo")}>
            Edit as demo…
          </Button>
        </>
      )}
      {(isLm || live) && asked.kind !== "module" && (
        <Button action="rerun" id={asked.id} {...opens("rerun")}>
          Re-run with…
        </Button>
      )}
      {step && (
        <Button action="export" id={step.id} {...opens("data")}>
          Add to dataset…
        </Button>
      )}
      {kept && (
        <Act by={by} action="undo">
          Undo keeping
        </Act>
      )}
      <div class="under">
        {open === "demo" && <FieldForm {...form("keep-as-demo", step!)} names={Object.keys(values)} fields={values} save="Keep as demo" onSave={keep} />}
        {open === "data" && <FieldForm {...form("export", step!)} names={[...Object.keys(values), FILE]} fields={{ ...values, [FILE]: file }} hint="An empty field is left out." save="Add to dataset" onSave={add} />}
        {open === "rerun" && <FieldForm {...form("rerun", asked)} names={[...Object.keys(texts), ...Object.keys(OPTIONS).slice(isLm ? 1 : 0)]} fields={texts} hint="A real call. What is empty is as it was." save="Re-run" onSave={again} />}
        <Notice said={by.said} onClose={() => by.say(null)} />
        {now && open === "rerun" && (
          <>
            <Notice said={now.error ? { text: now.error, bad: true } : null} />
            <Beside heads={[`then · ${seconds(asked.seconds)}`, `now · ${model(made.spans)} · ${count(made.tokens)} tokens · ${seconds(now.seconds)}`]} before={reply(asked)} after={reply(now)} />
          </>
        )}
      </div>
    </>
  );
}
