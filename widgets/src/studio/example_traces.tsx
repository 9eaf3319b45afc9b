import { useAsk } from "../kit/ask";
import { Button, Wait } from "../kit/controls";
import { plain } from "../kit/text";
import type { Row } from "../kit/types";
import { TraceView } from "../traces/view";
import type { Desk } from "./desk";
import { versionOf } from "./state";

declare module "../kit/client" {
  interface Answers {
    traced: [example: number, words: string][];
  }
}

/** The traces of one candidate, an example at a time. */
export function ExampleTraces({ desk, row }: { desk: Desk; row: Row }) {
  const { client, showTrace, live } = desk;
  const candidate = row.id;
  const [traced, lost] = useAsk(() => client.get("traced", { candidate }), [candidate, versionOf(row)]);
  const example = desk.example ?? traced?.[0]?.[0];
  if (example == null) return traced ? <p class="muted none">No trace was kept for this candidate yet.</p> : <Wait problem={lost} />;
  const place = traced?.findIndex(([index]) => index === example) ?? -1;
  const step = (words: string, sign: string, to: number) => (
    <Button class="small" title={words} aria-label={words} disabled={place < 0 || !traced?.[to]} onClick={() => showTrace(traced![to][0])}>
      {sign}
    </Button>
  );
  return (
    <div class="example-traces">
      <div class="row">
        {step("Previous example", "‹", place - 1)}
        <select aria-label="Example" value={String(example)} onChange={(event) => showTrace(Number(event.currentTarget.value))}>
          {place < 0 && <option value={String(example)}>example {example}</option>}
          {traced?.map(([index, words]) => (
            <option value={String(index)}>{plain(words)}</option>
          ))}
        </select>
        {step("Next example", "›", place + 1)}
      </div>
      <TraceView key={`${candidate} ${example}`} client={client} of={{ candidate, example, live, parent: row.status === "dropped" ? null : candidate }} by={desk} inside />
    </div>
  );
}
