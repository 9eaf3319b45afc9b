import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Client } from "../kit/client";
import { count, seconds } from "../kit/format";
import { Checks, line, plain, Text } from "../kit/text";
import type { ExamplePage, ExampleRow } from "../kit/types";
import { Virtual } from "../kit/virtual";
import { rowOf, type Known } from "./state";

type Only = "fixed" | "broken" | "same" | "error" | null;
const PAGE = 200;
const CHOICES = 120;

interface Props {
  client: Client;
  known: Known;
  candidate: string;
  against: string | null;
  version: string;
  onTrace: (index: number) => void;
}

/** The examples of the evaluation set, as this candidate answered them, beside any other candidate. */
export function Examples({ client, known, candidate, against: first, version, onTrace }: Props) {
  const [only, setOnly] = useState<Only>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const against = (chosen !== candidate ? chosen : null) ?? first;
  const [page, setPage] = useState<ExamplePage | null>(null);
  const [error, setError] = useState<string | null>(null);
  const loading = useRef(false);
  const wanted = `${candidate}|${against}|${only}|${version}`;
  const asked = useRef("");

  const fetch = async (offset: number) => {
    loading.current = true;
    try {
      const more = await client.get("examples", { candidate, against, offset, limit: PAGE, only });
      if (asked.current !== wanted) return;
      setError(null);
      setPage((before) => (offset && before ? { ...more, rows: [...before.rows, ...more.rows] } : more));
    } catch (problem) {
      setError((problem as Error).message);
    } finally {
      loading.current = false;
    }
  };
  useEffect(() => {
    asked.current = wanted;
    fetch(0);
  }, [wanted]);

  const choices = useMemo(() => choose(known, candidate), [known.rows, known.run?.best, candidate]);
  const other = rowOf(known, against);
  const counts = page?.counts;
  const filter = (key: Only, words: string, n?: number) => (
    <button type="button" class={`chip ${key ?? ""}`} aria-pressed={only === key} onClick={() => setOnly(key)}>
      {words}
      {n != null && <span class="num"> {count(n)}</span>}
    </button>
  );
  return (
    <div class="examples">
      <div class="row filters" role="group" aria-label="Show only">
        {filter(null, "All")}
        {filter("fixed", "Fixed", counts?.fixed)}
        {filter("broken", "Broken", counts?.broken)}
        {filter("same", "Same", counts?.same)}
        {filter("error", "Errors")}
        <label class="row-end">
          <span class="muted">against</span>{" "}
          <select value={against ?? ""} onChange={(event) => setChosen(event.currentTarget.value || null)}>
            {choices.map((row) => (
              <option value={row.id}>
                #{row.number}
                {row.id === known.run?.baseline ? " baseline" : row.id === known.run?.best ? " best" : ""}
              </option>
            ))}
            {!choices.length && <option value="">nothing to compare with</option>}
          </select>
        </label>
      </div>
      {error && (
        <p class="notice bad" role="alert">
          {plain(error)}
        </p>
      )}
      {!page && !error && <p class="muted none">Loading…</p>}
      {page && !page.rows.length && <p class="muted none">{only ? "No such example." : "No example was answered yet."}</p>}
      {page && page.rows.length > 0 && (
        <>
          <div class="ex head" aria-hidden="true">
            <span>#</span>
            <span>input</span>
            <span>expected</span>
            <span>answer</span>
            <span>{other ? `against #${other.number}` : ""}</span>
          </div>
          <Virtual
            class="ex-list"
            role="list"
            count={page.rows.length}
            rowHeight={29}
            label="Examples"
            row={(index, style) => <Line key={page.rows[index].index} row={page.rows[index]} style={style} onTrace={onTrace} />}
            onEnd={() => !loading.current && page.rows.length < page.total && fetch(page.rows.length)}
          />
        </>
      )}
    </div>
  );
}

const SIGN = { fixed: "▲ fixed", broken: "▼ broken", same: "same" };

function Line({ row, style, onTrace }: { row: ExampleRow; style: Record<string, string>; onTrace: (index: number) => void }) {
  const answer = row.error ?? Object.values(only(row.outputs, row.labels)).join(" · ");
  const open = () => row.has_trace && onTrace(row.index);
  const full = [...Object.entries(row.inputs), ...Object.entries(row.outputs ?? {})].map(([name, text]) => `${name}: ${line(text, 400)}`).join("\n");
  return (
    <div
      class={`ex ${row.change ?? ""}${row.error ? " error" : ""}${row.has_trace ? " can" : ""}`}
      role="listitem"
      data-kind="example"
      data-id={row.index}
      style={style}
      title={plain(`${full}${row.seconds == null ? "" : `\n${seconds(row.seconds)}`}`)}
      tabIndex={row.has_trace ? 0 : undefined}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key !== "Enter") return;
        event.stopPropagation();
        open();
      }}
    >
      <span class="muted num">{row.index}</span>
      <span class="clip">
        <Text>{line(Object.values(row.inputs).join(" · "))}</Text>
      </span>
      <span class="clip muted">
        <Text>{line(Object.values(row.labels).join(" · "))}</Text>
      </span>
      <span class={`clip ${row.error ? "err" : row.score === 0 ? "wrong" : ""}`}>
        <Text>{line(answer || "…")}</Text>
        <Checks of={row.checks} />
      </span>
      <span class={`change ${row.change ?? ""}`}>{row.error ? "error" : row.change ? SIGN[row.change] : ""}</span>
    </div>
  );
}

/** The outputs that have an expected value, if any has. */
function only(outputs: Record<string, string> | null, labels: Record<string, string>): Record<string, string> {
  const entries = Object.entries(outputs ?? {});
  const labelled = entries.filter(([name]) => name in labels);
  return Object.fromEntries(labelled.length ? labelled : entries);
}

/** What to offer for comparison: baseline, best, then the best others; not ten thousand options. */
function choose(known: Known, candidate: string) {
  const first = [rowOf(known, known.run?.baseline), rowOf(known, known.run?.best)].filter((row) => row !== undefined);
  const rest = known.rows.filter((row) => row.score != null).sort((a, b) => b.score! - a.score!);
  return [...new Set([...first, ...rest])].filter((row) => row.id !== candidate).slice(0, CHOICES);
}
