import { useState } from "preact/hooks";
import { Beside } from "../kit/beside";
import { Act, Button, Notice, type Commands } from "../kit/controls";
import { Area, FieldForm, Form, FormRow } from "../kit/form";
import { count, plural, seconds } from "../kit/format";
import { asText } from "../kit/text";
import type { SpanRow, TraceData } from "../kit/types";

/** What can be done with a call: who carries it out, which trace of the viewer it is in, and whether its program is there. */
export interface Deed {
  by: Commands;
  index: number;
  live: boolean;
}

const FILE = "to the file"; // no field of a signature has such a name
const CUT = /… \([\d,]+ more characters\)$/; // how the kernel says that it left something out
let file = "dataset.jsonl";

interface Props extends Deed {
  span: SpanRow;
  /** The predictor's call, where there is one. */
  step: SpanRow | null;
}

/** Keeping a call, as it is or changed, and making it again. */
export function Deeds({ by, index, live, span, step }: Props) {
  const [open, setOpen] = useState("");
  const [kept, setKept] = useState(false);
  const opens = (which: string) => ({ expanded: open === which, onClick: () => setOpen(open === which ? "" : which) });
  const close = () => setOpen("");
  const id = step?.id;
  const keep = async (fields = {}) => {
    const got = await by.send("keep-as-demo", { index, span: id, fields }, id);
    if (!got) return;
    close();
    setKept(true);
    by.say({ text: `Kept: the predictor has ${plural(got.demos, "demo")} now.`, bad: false });
  };
  const fields = { ...step?.inputs, ...step?.outputs };
  const changed = (draft: Record<string, string>) => Object.fromEntries(Object.entries(draft).filter(([name, text]) => name in fields && text !== fields[name]));
  const add = async (draft: Record<string, string>) => {
    file = draft[FILE];
    const got = await by.send("export", { index, span: id, path: file, fields: changed(draft) }, id);
    if (!got) return;
    close();
    by.say({ text: `Added. lmnb.load_jsonl("${got.path}", inputs=${JSON.stringify(Object.keys(step!.inputs))}) reads the file.`, bad: false });
  };
  const demo = live && step?.outputs;
  const form = (action: string) => ({ action, id, busy: by.busy(action, id), onCancel: close });
  const asked = span.kind === "lm" ? span : live && step;
  return (
    <>
      {demo && (
        <>
          <Button action="keep-as-demo" id={id} busy={by.busy("keep-as-demo", id)} title="Adds these inputs and outputs to the demos of this predictor of your program" onClick={() => keep()}>
            Keep as demo
          </Button>
          <Button action="edit-demo" id={id} {...opens("demo")}>
            Edit as demo…
          </Button>
        </>
      )}
      {asked && (
        <Button action="rerun" id={asked.id} {...opens("rerun")}>
          Re-run with…
        </Button>
      )}
      {step && (
        <Button action="export" id={id} {...opens("data")}>
          Add to dataset…
        </Button>
      )}
      {kept && (
        <Act by={by} action="undo" id={id}>
          Undo keeping
        </Act>
      )}
      <div class="under">
        {open === "demo" && <FieldForm {...form("keep-as-demo")} names={Object.keys(fields)} fields={fields} save="Keep as demo" onSave={(draft) => keep(changed(draft))} />}
        {open === "data" && (
          <FieldForm {...form("export")} names={[...Object.keys(fields), FILE]} fields={{ ...fields, [FILE]: file }} disabled={false} hint="A field that is emptied is left out." save="Add to dataset" onSave={add} />
        )}
        {open === "rerun" && asked && <Rerun by={by} index={index} live={live} span={asked} onClose={close} />}
        <Notice said={by.said} onClose={() => by.say(null)} />
      </div>
    </>
  );
}

/** The call made again with what is typed here, and its reply beside the old one. */
function Rerun({ by, index, live, span, onClose }: Deed & { span: SpanRow; onClose: () => void }) {
  const isLm = span.kind === "lm";
  const texts: [string, string][] = isLm ? (span.messages ?? []).map((message) => [message.role, asText(message.content)]) : Object.entries(span.inputs);
  const [draft, setDraft] = useState(texts.map(([, text]) => text));
  const [options, setOptions] = useState<Record<string, string>>({});
  const [made, setMade] = useState<TraceData | null>(null);
  const fixed = isLm && span.messages?.some(({ content }) => typeof content !== "string" || CUT.test(content));
  const edited = texts.filter(([, text], n) => text !== draft[n]);
  const run = async () => {
    const changes: Record<string, unknown> = {};
    if (edited.length && isLm) changes.messages = texts.map(([role], n) => ({ role, content: draft[n] }));
    else if (edited.length) changes.inputs = Object.fromEntries(texts.map(([name], n) => [name, draft[n]]).filter((_, n) => texts[n][1] !== draft[n]));
    if (options.instructions?.trim()) changes.instructions = options.instructions;
    if (options.model?.trim()) changes.model = options.model.trim();
    if (options.temperature) changes.temperature = Number(options.temperature);
    if (!Object.keys(changes).length) changes.cache = false; // the same again: its kept reply would be the old one
    const got = await by.send("rerun", { index, span: span.id, changes }, span.id);
    if (got) setMade(got.trace);
  };
  const option = (name: string, placeholder: string, type = "text") => (
    <label>
      <span class="muted">{name}</span>
      <input type={type} step="any" min="0" data-field={name} placeholder={placeholder} value={options[name] ?? ""} onInput={(event) => setOptions({ ...options, [name]: event.currentTarget.value })} />
    </label>
  );
  const now = made?.spans[0];
  const reply = (of: SpanRow): [string, string | null][] => (isLm ? [["reply", of.response ?? null]] : Object.entries(of.outputs ?? {}));
  const after = now && Object.fromEntries(reply(now));
  const facts = (model: string, of: { tokens?: number; seconds: number | null }) => [model, of.tokens != null && `${count(of.tokens)} tokens`, seconds(of.seconds)].filter(Boolean).join(" · ");
  return (
    <>
      <Form class="fields" label="Re-run with changes" action="rerun" id={span.id} save="Re-run" busy={by.busy("rerun", span.id)} hint={isLm || live ? "A real call. The old one stays." : undefined} onSave={run} onCancel={onClose}>
        {!fixed &&
          texts.map(([name], n) => (
            <FormRow label={name}>
              <Area data-field={name} value={draft[n]} lines={[1, 12]} focus={n === texts.length - 1} onText={(text) => setDraft((old) => old.map((one, m) => (m === n ? text : one)))} />
            </FormRow>
          ))}
        {fixed && <span class="muted">These messages hold more than text, so they are sent as they were.</span>}
        {!isLm && (
          <FormRow label="instructions">
            <Area data-field="instructions" value={options.instructions ?? ""} placeholder="as they are" onText={(instructions) => setOptions({ ...options, instructions })} />
          </FormRow>
        )}
        <div class="options">
          {option("model", isLm && live ? span.name : "the same LM")}
          {option("temperature", String(span.request?.temperature ?? "as it was"), "number")}
        </div>
      </Form>
      {now?.error && <Notice said={{ text: now.error, bad: true }} />}
      {now && after && (
        <Beside
          heads={[`then · ${facts(isLm ? span.name : "", span)}`, `now · ${facts(isLm ? now.name : (made.spans.find((one) => one.kind === "lm")?.name ?? ""), { tokens: made.tokens, seconds: now.seconds })}`]}
          rows={[...new Set([...reply(span), ...reply(now)].map(([name]) => name))].map((name) => [name, Object.fromEntries(reply(span))[name] ?? null, after[name] ?? null])}
        />
      )}
    </>
  );
}
