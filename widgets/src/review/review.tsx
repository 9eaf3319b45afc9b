import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import type { ViewProps } from "../kit/client";
import { Button, Notice, useCommands, Wait } from "../kit/controls";
import { FieldForm, ReasonForm } from "../kit/form";
import { useKeys } from "../kit/keys";
import { useClient } from "../kit/pages";
import { Pairs, plain, Text } from "../kit/text";
import { TraceView } from "../traces/view";

interface Item {
  id: string;
  place: number;
  kind: "demo" | "output" | "pair";
  /** All there is to see of it, but for the sides of a pair. */
  given: [name: string, text: string][];
  /** Of a pair the two outputs, as they are to be shown. */
  sides: [name: string, text: string][][];
  /** What an edit may change. */
  fields: Record<string, string>;
  has_trace: boolean;
  said: [words: string, look: string] | null;
  /** What can be answered: an action, its words, its key, its look; `answer` says which by `id`. */
  answers: [action: string, words: string, key: string, look: string, id: string][];
}

interface Snapshot {
  name: string;
  progress: string;
  facts: string;
  changes: number;
  state: string;
  total: number;
  done: number;
  reasons: string[];
  problem: string;
  item: Item | null;
  help: [key: string, does: string][];
}

declare module "../kit/client" {
  interface Answers {
    snapshot: Snapshot;
  }
}

/** A queue, one item on the screen: every key is an answer, and the next item comes. */
export function Review({ model, root }: ViewProps) {
  const client = useClient(model);
  const [changes, setChanges] = useState<number>(model.get("changes"));
  const [told, setTold] = useState<Snapshot | null>(null); // what the last command came back with
  const [form, setForm] = useState("");
  const busy = useRef(false);
  const commands = useCommands(client, root, model);
  useEffect(() => {
    const on = () => setChanges(model.get("changes"));
    model.on("change:changes", on);
    return () => model.off("change:changes", on);
  }, []);
  const [asked, problem] = useAsk(() => told?.changes !== changes && client.get("snapshot", {}), [changes]);
  const known = told && (!asked || told.changes > asked.changes) ? told : asked;
  const item = known?.item;
  useLayoutEffect(() => root.setAttribute("data-state", known?.state ?? ""), [known?.state]);
  useLayoutEffect(() => setForm(""), [item?.id]); // before the next key
  const close = () => setForm("");
  const act = async (action: string, args: object = {}, id?: string) => {
    if (busy.current) return; // a second key would be about the same item
    busy.current = true;
    const now = await commands.send(action, { item: item?.id, ...args }, id);
    busy.current = false;
    if (now) close(), setTold(now);
  };
  const go = (by: number) => {
    const to = (item ? item.place : (known?.total ?? 0)) + by;
    return known && to >= 0 && to < known.total && (() => act("go", { item: to }));
  };
  const opens = (action: string) => action === "reject" || action === "edit";
  const run = (action: string, id: string) => () => (opens(action) ? setForm(form === action ? "" : action) : act(action, { verdict: id }, id));
  const answers = item?.answers ?? [];
  const reject = (reason: string | null) => act("reject", { reason });
  const back = known && known.done > 0 && (() => act("undo"));
  const [before, after] = [go(-1), item && go(1)];
  const { toggle, sheet } = useKeys(
    root,
    {
      ...Object.fromEntries(answers.map(([action, , key, , id]) => [key === "Space" ? " " : key.toLowerCase(), run(action, id)])),
      ...(answers.some(([action]) => action === "reject") && Object.fromEntries(known!.reasons.map((reason, n) => [n + 1, () => reject(reason)]))),
      Backspace: back,
      ArrowLeft: before,
      ArrowRight: after,
      Escape: form ? close : null,
    },
    known?.help ?? [],
  );
  if (!known) return <Wait problem={problem} />;
  const taken = { action: form, id: item?.id ?? "", busy: commands.busy(form), onCancel: close };
  const step = (words: string, sign: string, to: typeof before | undefined) => (
    <Button class="small" title={words} aria-label={words} disabled={!to} onClick={() => to && to()}>
      {sign}
    </Button>
  );
  return (
    <>
      <header role="group" aria-label="Progress">
        <span class={`state ${known.state}`} role="status">
          <span class="dot" />
          {known.progress}
        </span>
        <span class="what">
          <b>{plain(known.name)}</b> <span class="muted num">{plain(known.facts)}</span>
        </span>
        <span class="buttons row-end">
          {step("Previous item", "‹", before)}
          {step("Next item", "›", after)}
          <Button action="undo" shortcut="Backspace" busy={commands.busy("undo")} disabled={!back} onClick={() => back && back()}>
            Undo
          </Button>
          <Button class="quiet" aria-label="Keys" shortcut="?" onClick={toggle} />
        </span>
      </header>
      <i class="progress" style={{ "--w": `${(100 * known.done) / known.total}%` }} />
      {sheet}
      <div class="pane">
        <Notice said={known.problem ? { text: known.problem, bad: true } : null} />
        {item ? (
          <section key={item.id} data-kind={item.kind === "demo" ? "demo" : "example"} data-id={item.id} aria-label={`Item ${item.place + 1}`}>
            <div class="row">
              <h3>
                Item {item.place + 1} <span class="muted">{item.kind}</span>
              </h3>
              {item.said && <span class={`tag ${item.said[1]}`}>{plain(item.said[0])}</span>}
            </div>
            <Pairs class="m" rows={item.given} />
            <div class="sides">
              {item.sides.map((fields, n) => (
                <div>
                  <h4>{"AB"[n]}</h4>
                  <Pairs class="m" rows={fields} />
                </div>
              ))}
            </div>
            <div class="row answers">
              {answers.map(([action, words, key, look, id]) => (
                <Button action={action} id={id} class={look} shortcut={key} busy={commands.busy(action, id)} expanded={opens(action) ? form === action : undefined} onClick={run(action, id)}>
                  {words}
                </Button>
              ))}
              {item.has_trace && (
                <Button class="row-end" expanded={form === "trace"} onClick={() => setForm(form === "trace" ? "" : "trace")}>
                  Trace
                </Button>
              )}
            </div>
            {form === "reject" && <ReasonForm {...taken} what="it" reasons={known.reasons} onReject={reject} />}
            {form === "edit" && <FieldForm {...taken} names={Object.keys(item.fields)} fields={item.fields} save="Save and keep" onSave={(fields) => act("edit", { fields })} />}
            {form === "trace" && <TraceView client={client} of={{ item: item.id }} inside />}
          </section>
        ) : (
          <p class="empty">
            All {known.total} are reviewed. <Text>review.kept(), review.rejected() and review.to_pandas() have the answers.</Text>
          </p>
        )}
        <Notice said={commands.said} onClose={() => commands.say(null)} />
      </div>
    </>
  );
}
