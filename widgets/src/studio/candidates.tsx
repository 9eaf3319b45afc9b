import { useMemo } from "preact/hooks";
import { Button } from "../kit/controls";
import { count, score } from "../kit/format";
import { plain } from "../kit/text";
import type { Row } from "../kit/types";
import { useWord, Virtual } from "../kit/virtual";
import type { Desk } from "./desk";
import { describe, inProgress, ordered, type Order } from "./state";

const ROW = 38;
const IN_PROGRESS = 3;

export function Candidates({ desk }: { desk: Desk }) {
  const { known, order, select, open, run } = desk;
  const selected = desk.row?.id;
  const rows = useMemo(() => ordered(known.rows, order), [known.rows, order]);
  const going = useMemo(() => (order === "score" ? known.rows.filter(inProgress) : []), [known.rows, order]);
  const place = rows.findIndex((row) => row.id === selected);
  const total = Math.max(known.rows.length, run.candidates_total ?? 0);
  const word = useWord();
  const draw = (row: Row, style?: Record<string, string>, at?: number) => {
    const { id, status, human, number } = row;
    const best = run.best === id;
    const works = inProgress(row);
    const part = works ? row.done / (row.total || 1) : (row.score ?? 0) / 100;
    const words = plain(describe(row, known)) + (best ? run.top : "");
    return (
      <div
        key={id}
        class={`cand num ${status}${id === selected ? " sel" : ""}`}
        id={`${word}-${id}`}
        role="option"
        aria-selected={id === selected}
        aria-setsize={rows.length}
        aria-posinset={at == null ? undefined : at + 1}
        data-kind="candidate"
        data-id={id}
        data-status={status}
        style={style}
        title={words}
        onClick={() => select(id)}
      >
        <span class="id">
          {run.accepted === id ? <span title="accepted by you">✓ </span> : best && <span title="best">★ </span>}
          <span class="no">{number}</span>
        </span>
        <span>
          <span class="bar" style={{ "--w": `${(part * 100).toFixed(1)}%` }} />
          <span class="how">
            {human && <span class="you" aria-label="by you" />}
            {words}
          </span>
        </span>
        <span class={`value${best ? " top" : ""}${row.score == null || row.done < row.total ? " muted" : ""}`}>{works ? "…" : score(row.score)}</span>
      </div>
    );
  };
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
