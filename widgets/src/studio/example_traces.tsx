import { useAsk } from "../kit/ask";
import { Button, Wait } from "../kit/controls";
import { line, plain } from "../kit/text";
import type { Row, SpanRow } from "../kit/types";
import { TraceView } from "../traces/view";
import type { Desk } from "./desk";
import { versionOf } from "./state";

/** The traces of one candidate, an example at a time. */
export function ExampleTraces({ desk, row }: { desk: Desk; row: Row }) {
  const { client, example, showTrace } = desk;
  const candidate = row.id;
  const [page, lost] = useAsk(() => client.get("examples", { candidate, against: null, offset: 0, limit: 500, only: null }), [candidate, versionOf(row)]);
  const rows = page?.rows.filter((one) => one.has_trace);
  const index = example ?? rows?.[0]?.index ?? null;
  const [got, problem] = useAsk(() => index != null && client.get("trace", { candidate, example: index }).then((trace) => ({ index, trace })), [candidate, index]);

  if (rows?.length === 0 && example == null) return <p class="muted none">No trace was kept for this candidate yet.</p>;
  const place = rows?.findIndex((one) => one.index === index) ?? -1;
  const step = (words: string, sign: string, to: number) => (
    <Button class="small" title={words} aria-label={words} disabled={place < 0 || !rows?.[to]} onClick={() => showTrace(rows![to].index)}>
      {sign}
    </Button>
  );
  const keep = async (span: SpanRow) => {
    const demo = { ...(span.values?.inputs ?? span.inputs), ...(span.values?.outputs ?? span.outputs) };
    if ((await desk.send("inject", { demo }, "keep-as-demo")) !== undefined) desk.say({ text: "Kept as a demo.", bad: false });
  };
  return (
    <div class="example-traces">
      <div class="row">
        {step("Previous example", "‹", place - 1)}
        <select aria-label="Example" value={String(index ?? "")} onChange={(event) => showTrace(Number(event.currentTarget.value))}>
          {place < 0 && index != null && <option value={String(index)}>example {index}</option>}
          {rows?.map((one) => (
            <option value={String(one.index)}>
              {plain(`example ${one.index}${one.error ? " · error" : one.score === 0 ? " · wrong" : ""} · ${line(Object.values(one.inputs).join(" · "), 80)}`)}
            </option>
          ))}
        </select>
        {step("Next example", "›", place + 1)}
      </div>
      {problem || lost || !got ? (
        <Wait problem={problem ?? lost} />
      ) : (
        <TraceView key={got.index} trace={got.trace} inside onKeep={desk.live ? keep : undefined} keeping={desk.busy("inject", "keep-as-demo")} />
      )}
    </div>
  );
}
