import { useMemo, useState } from "preact/hooks";
import { count, plural, seconds, usd } from "../kit/format";
import type { Gestures } from "../kit/keys";
import { Checks, plain, Text } from "../kit/text";
import type { SpanRow, TraceData } from "../kit/types";
import { useWord } from "../kit/virtual";
import type { Deed } from "./acts";
import { Box } from "./box";
import { SpanPane } from "./span";
import { firstOf, lines, type Line } from "./tree";

interface Props {
  trace: TraceData;
  /** Inside the Studio: no frame of its own. */
  inside?: boolean;
  onKeep?: (span: SpanRow) => void;
  keeping?: boolean;
  deed?: Deed;
}

const ROW = 25;

/** One trace: the tree with its waterfall, and the chosen span beside it. */
export function TraceView({ trace, inside, onKeep, keeping, deed }: Props) {
  const { spans } = trace;
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [filter, setFilter] = useState("");
  const [chosen, setChosen] = useState<number | null>(firstOf(spans)?.id ?? null);
  const rows = useMemo(() => lines(spans, folded, filter), [spans, folded, filter]);
  const span = spans.find((one) => one.id === chosen) ?? spans[0];
  const at = rows.findIndex((row) => row.span.id === span?.id);
  const fold = (id: number, shut?: boolean) =>
    setFolded((before) => {
      const after = new Set(before);
      if (shut ?? !before.has(id)) after.add(id);
      else after.delete(id);
      return after;
    });
  const row = rows[at];
  const word = useWord();
  const go = (to: number) => rows[to] && (() => setChosen(rows[to].span.id));
  const parent = row?.span.parent;
  const gestures: Gestures = {
    ArrowDown: go(at + 1),
    ArrowUp: go(at - 1),
    ArrowLeft: row?.children && !row.folded ? () => fold(row.span.id, true) : parent != null && (() => setChosen(parent)),
    ArrowRight: row?.folded && (() => fold(row.span.id, false)),
  };
  return (
    <Box
      class={inside ? "inside" : ""}
      head={
        <>
          <b>
            <Text>{trace.name}</Text>
          </b>
          <span class="muted num">
            {totals(trace)}
            <Checks of={trace.checks} />
          </span>
          {trace.score != null && <span class={`tag ${trace.score > 0 ? "kept" : "rejected"}`}>score {Number.isInteger(trace.score) ? trace.score.toFixed(1) : Number(trace.score.toFixed(3))}</span>}
        </>
      }
      what="spans and text"
      filter={filter}
      onFilter={setFilter}
      label="Spans"
      role="tree"
      count={rows.length}
      rowHeight={ROW}
      most={15}
      selected={at}
      active={at >= 0 ? `${word}-${span.id}` : undefined}
      gestures={gestures}
      row={(index, style) => <TreeRow key={rows[index].span.id} id={`${word}-${rows[index].span.id}`} row={rows[index]} style={style} selected={rows[index].span.id === span?.id} onSelect={setChosen} onFold={fold} />}
      side={span && <SpanPane key={span.id} span={span} spans={spans} onKeep={onKeep} keeping={keeping} deed={deed} />}
    />
  );
}

function totals(trace: TraceData): string {
  const calls = `${plural(trace.calls, "LM call")}${trace.repaired ? `, ${trace.repaired} repaired` : ""}`;
  const cached = trace.spans.filter((span) => span.cache === "hit").length;
  return [seconds(trace.seconds), calls, cached ? `${cached} cached` : "", `${count(trace.tokens)} tokens`, trace.cost ? usd(trace.cost) : ""].filter(Boolean).join(" · ");
}

interface RowProps {
  id: string;
  row: Line;
  style: Record<string, string>;
  selected: boolean;
  onSelect: (id: number) => void;
  onFold: (id: number) => void;
}

function TreeRow({ id, row: { span, children, folded, x, w }, style, selected, onSelect, onFold }: RowProps) {
  const bad = span.status !== "ok";
  return (
    <div
      class={`span${selected ? " sel" : ""}${bad ? " bad" : ""}${span.cache === "hit" ? " cached" : ""}`}
      id={id}
      role="treeitem"
      aria-level={span.depth + 1}
      aria-selected={selected}
      aria-expanded={children ? !folded : undefined}
      data-kind="span"
      data-id={span.id}
      data-status={span.status}
      style={style}
      title={plain(span.error ?? "") || undefined}
      onClick={() => onSelect(span.id)}
    >
      <span class="n" style={{ "--d": String(span.depth) }}>
        {children > 0 && (
          <button type="button" class="fold" tabIndex={-1} aria-label={folded ? "unfold" : "fold"} onClick={(event) => (event.stopPropagation(), onFold(span.id))}>
            {folded ? "▸" : "▾"}
          </button>
        )}
        <span class="clip">
          <Text>{span.name}</Text>
        </span>
        <span class={`k${bad ? " err" : ""}`}>
          {span.label !== span.name && <Text>{span.label}</Text>}
          {span.status === "error" && !/error/i.test(span.label) ? " · error" : ""}
        </span>
      </span>
      <span class="wf" aria-hidden="true" style={{ "--x": `${x.toFixed(1)}%`, "--w": `${w.toFixed(1)}%` }} />
      <span class="muted">{seconds(span.seconds)}</span>
    </div>
  );
}
