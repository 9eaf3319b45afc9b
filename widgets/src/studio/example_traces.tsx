import { useEffect, useState } from "preact/hooks";
import type { Client } from "../kit/client";
import { Button } from "../kit/controls";
import { line, plain } from "../kit/text";
import type { ExampleRow, SpanRow, TraceData } from "../kit/types";
import { TraceView } from "../traces/view";

interface Props {
  client: Client;
  candidate: string;
  example: number | null;
  version: string;
  onExample: (index: number) => void;
  onKeep?: (span: SpanRow) => void;
  busy: boolean;
}

/** The traces of one candidate, an example at a time. */
export function ExampleTraces({ client, candidate, example, version, onExample, onKeep, busy }: Props) {
  const [rows, setRows] = useState<ExampleRow[] | null>(null);
  const [got, setGot] = useState<{ index: number; trace: TraceData } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    let open = true;
    client.get("examples", { candidate, against: null, offset: 0, limit: 500, only: null }).then(
      (page) => open && setRows(page.rows.filter((row) => row.has_trace)),
      (error) => open && setProblem(error.message),
    );
    return () => void (open = false);
  }, [candidate, version]);

  const index = example ?? rows?.[0]?.index ?? null;
  useEffect(() => {
    if (index == null) return;
    let open = true;
    setProblem(null);
    client.get("trace", { candidate, example: index }).then(
      (trace) => open && setGot({ index, trace }),
      (error) => open && (setGot(null), setProblem(error.message)),
    );
    return () => void (open = false);
  }, [candidate, index]);

  if (rows?.length === 0 && example == null) return <p class="muted none">No trace was kept for this candidate yet.</p>;
  const place = rows?.findIndex((row) => row.index === index) ?? -1;
  const go = (by: number) => rows?.[place + by] && onExample(rows[place + by].index);
  const inRows = place >= 0;
  return (
    <div class="example-traces">
      <div class="row">
        <Button class="small" title="Previous example" disabled={place <= 0} onClick={() => go(-1)}>
          ‹
        </Button>
        <select aria-label="Example" value={String(index ?? "")} onChange={(event) => onExample(Number(event.currentTarget.value))}>
          {!inRows && index != null && <option value={String(index)}>example {index}</option>}
          {rows?.map((row) => (
            <option value={String(row.index)}>
              {plain(`example ${row.index}${row.error ? " · error" : row.score === 0 ? " · wrong" : ""} · ${line(Object.values(row.inputs).join(" · "), 80)}`)}
            </option>
          ))}
        </select>
        <Button class="small" title="Next example" disabled={!rows || place < 0 || place >= rows.length - 1} onClick={() => go(1)}>
          ›
        </Button>
      </div>
      {problem && (
        <p class="notice bad" role="alert">
          {plain(problem)}
        </p>
      )}
      {!got && !problem && <p class="muted none">Loading…</p>}
      {got && <TraceView key={`${candidate}/${got.index}`} trace={got.trace} inside onKeep={onKeep} keeping={busy} />}
    </div>
  );
}
