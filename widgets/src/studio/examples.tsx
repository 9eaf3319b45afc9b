import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Wait } from "../kit/controls";
import { count, seconds } from "../kit/format";
import { Table, type Column } from "../kit/table";
import { Checks, line, plain, Text } from "../kit/text";
import type { ExamplePage, ExampleRow, Row } from "../kit/types";
import type { Desk } from "./desk";
import { rowOf, versionOf } from "./state";

const PAGE = 200;

/** The examples of the evaluation set, as this candidate answered them, beside any other candidate. */
export function Examples({ desk, row }: { desk: Desk; row: Row }) {
  const { client, known, run, showTrace } = desk;
  const candidate = row.id;
  const [only, setOnly] = useState<string | null>(null);
  const [page, setPage] = useState<ExamplePage | null>(null);
  const [error, setError] = useState<string | null>(null);
  const against = desk.against && desk.against !== candidate ? desk.against : run.baseline !== candidate ? run.baseline : null;
  const loading = useRef(false);
  const wanted = `${candidate}|${against}|${only}|${versionOf(row)}`;
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

  const other = rowOf(known, against);
  const filter = (key: string | null, words: string, n?: number) => (
    <Button class={`chip ${key ?? ""}`} pressed={only === key} onClick={() => setOnly(key)}>
      {words}
      {n != null && <span class="num"> {count(n)}</span>}
    </Button>
  );
  return (
    <div class="examples">
      <div class="row filters" role="group" aria-label="Show only">
        {filter(null, "All")}
        {filter("fixed", "Fixed", page?.counts.fixed)}
        {filter("broken", "Broken", page?.counts.broken)}
        {filter("same", "Same", page?.counts.same)}
        {filter("error", "Errors")}
      </div>
      {(error || !page) && <Wait problem={error} />}
      {page && !page.rows.length && <p class="muted none">{only ? "No such example." : "No example was answered yet."}</p>}
      {page && page.rows.length > 0 && (
        <Table
          class="ex-table"
          label="Examples"
          kind="example"
          id={(one) => one.index}
          rows={page.rows}
          columns={columns(other && `against #${other.number}`)}
          look={(one) => `${one.change ?? ""}${one.error ? " error" : ""}`}
          title={all}
          can={(one) => one.has_trace}
          onOpen={(one) => showTrace(one.index)}
          onEnd={() => !loading.current && page.rows.length < page.total && fetch(page.rows.length)}
        />
      )}
    </div>
  );
}

const SIGN = { fixed: "▲ fixed", broken: "▼ broken", same: "same" };
const joined = (fields: Record<string, string>): string => Object.values(fields).join(" · ");
const short = (fields: Record<string, string>) => <Text>{line(joined(fields))}</Text>;

const columns = (against: string | undefined): Column<ExampleRow>[] => [
  { id: "index", head: "#", width: "34px", class: "muted num", cell: (row) => row.index },
  { id: "input", head: "input", width: "minmax(0, 2.6fr)", cell: (row) => short(row.inputs) },
  { id: "expected", head: "expected", width: "minmax(0, 1fr)", class: "muted", cell: (row) => short(row.labels) },
  {
    id: "answer",
    head: "answer",
    width: "minmax(0, 1fr)",
    class: (row) => (row.error ? "err" : row.score === 0 ? "wrong" : ""),
    cell: (row) => (
      <>
        <Text>{line((row.error ?? joined(answers(row))) || "…")}</Text>
        <Checks of={row.checks} />
      </>
    ),
  },
  { id: "change", head: against ?? "", width: "minmax(68px, 92px)", class: (row) => `change ${row.change ?? ""}`, cell: (row) => (row.error ? "error" : row.change ? SIGN[row.change] : "") },
];

function all(row: ExampleRow): string {
  const fields = [...Object.entries(row.inputs), ...Object.entries(row.outputs ?? {})].map(([name, text]) => `${name}: ${line(text, 400)}`);
  return plain([...fields, ...(row.seconds == null ? [] : [seconds(row.seconds)])].join("\n"));
}

/** The outputs that have an expected value, if any has. */
function answers({ outputs, labels }: ExampleRow): Record<string, string> {
  const entries = Object.entries(outputs ?? {});
  const labelled = entries.filter(([name]) => name in labels);
  return Object.fromEntries(labelled.length ? labelled : entries);
}
