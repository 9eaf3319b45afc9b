import { useMemo } from "preact/hooks";
import { Button } from "../kit/controls";
import { count, score } from "../kit/format";
import { plain } from "../kit/text";
import type { Row } from "../kit/types";
import { useWord, Virtual } from "../kit/virtual";
import type { Desk } from "./desk";
import { describe, inProgress, ordered, type Known, type Order } from "./state";

const ROW = 38;
const IN_PROGRESS = 3;

export function Candidates({ desk }: { desk: Desk }) {
  const { known, order, select, open } = desk;
  const selected = desk.row?.id;
  const rows = useMemo(() => ordered(known.rows, order), [known.rows, order]);
  const going = useMemo(() => (order === "score" ? known.rows.filter(inProgress) : []), [known.rows, order]);
  const place = rows.findIndex((row) => row.id === selected);
  const total = Math.max(known.rows.length, known.run?.candidates_total ?? 0);
  const word = useWord();
  const draw = (row: Row, style: Record<string, string> = {}, at?: number) => (
    <CandidateRow key={row.id} id={`${word}-${row.id}`} row={row} known={known} selected={row.id === selected} style={style} onSelect={select} at={at} of={rows.length} />
  );
  return (
    <div class="list" style={{ "--no": `${String(total).length + 2}ch` }}>
      <div class="list-head">
        <h4>
          <span class={total < 100 ? "" : "sr"}>Candidates </span>
          <span class="num">{count(total)}</span>
        </h4>
        {rows.length > 1 && (
          <select aria-label="Order of the candidates" value={order} onChange={(event) => desk.setOrder(event.currentTarget.value as Order)}>
            <option value="score">by score</option>
            <option value="creation">newest</option>
          </select>
        )}
        {desk.live && selected && (
          <Button class="small" expanded={open.startsWith("inject:")} title="Add an instruction or a demo of your own" onClick={() => desk.setOpen(open.startsWith("inject:") ? "" : "inject:instruction")}>
            + Add
          </Button>
        )}
      </div>
      <div class="list-body" style={{ "--rows": String(Math.min(rows.length, 9)) }}>
        <Virtual
          count={rows.length}
          rowHeight={ROW}
          label="Candidates"
          selected={place}
          active={place >= 0 ? `${word}-${rows[place].id}` : undefined}
          row={(index, style) => draw(rows[index], style, index)}
        />
      </div>
      {going.length > 0 && (
        <div class="going" role="listbox" aria-label="Candidates in evaluation">
          {going.slice(0, IN_PROGRESS).map((row) => draw(row))}
          {going.length > IN_PROGRESS && <div class="more muted">and {count(going.length - IN_PROGRESS)} more waiting</div>}
        </div>
      )}
    </div>
  );
}

interface RowProps {
  id: string;
  row: Row;
  known: Known;
  selected: boolean;
  style: Record<string, string>;
  onSelect: (id: string) => void;
  at?: number;
  of: number;
}

function CandidateRow({ id, row, known, selected, style, onSelect, at, of }: RowProps) {
  const best = known.run?.best === row.id;
  const accepted = known.run?.accepted === row.id;
  const part = inProgress(row) ? (row.total ? row.done / row.total : 0) : (row.score ?? 0) / 100;
  const { expected, check } = best ? known.run! : {};
  const words = plain(describe(row, known)) + (expected != null ? ` · ${score(expected)} expected` : "") + (check ? ` · ${score(check.score)} held out` : "");
  return (
    <div
      class={`cand num ${row.status}${selected ? " sel" : ""}`}
      id={id}
      role="option"
      aria-selected={selected}
      aria-setsize={of}
      aria-posinset={at == null ? undefined : at + 1}
      data-kind="candidate"
      data-id={row.id}
      data-status={row.status}
      style={style}
      title={words}
      onClick={() => onSelect(row.id)}
    >
      <span class="id">
        {accepted ? <span title="accepted by you">✓ </span> : best ? <span title="best">★ </span> : null}
        <span class="no">{row.number}</span>
      </span>
      <span>
        <span class="bar" style={{ "--w": `${(part * 100).toFixed(1)}%` }} />
        <span class="how">
          {row.human && <span class="you" aria-label="by you" />}
          {words}
        </span>
      </span>
      <span class={`value${best ? " top" : ""}${row.score == null || row.done < row.total ? " muted" : ""}`}>{inProgress(row) ? "…" : score(row.score)}</span>
    </div>
  );
}
