import { useMemo, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import { Wait } from "../kit/controls";
import { Say, type Part } from "../kit/parts";
import { plain, Text } from "../kit/text";
import { Box } from "./box";
import { SpanPane, type Place } from "./span";

/** A row of the tree, in the order of the calls. */
interface Line {
  id: number;
  parent: number | null;
  depth: number;
  kids: boolean;
  name: string;
  label: string;
  status: "ok" | "error" | "unparsed";
  cached: boolean;
  time: string;
  title: string;
  /** Its place in the time of the whole. */
  x: string;
  w: string;
}

declare module "../kit/client" {
  interface Answers {
    trace: { head: Part; first: number; lone: boolean; rows: Line[] };
  }
}

/** One trace: the tree with its waterfall, and the chosen span beside it; `inside` another view it has no frame of its own, and a lone span no tree. */
export function TraceView({ inside, ...place }: Place & { inside?: boolean }) {
  const [filter, setFilter] = useState("");
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [picked, setChosen] = useState<number | null>(null);
  const [tree, problem] = useAsk(() => place.client.get("trace", { ...place.of, filter }), [filter]);
  const rows = useMemo(() => visible(tree?.rows ?? [], filter ? new Set() : folded), [tree, folded]);
  if (problem || !tree) return <Wait problem={problem} />;
  const chosen = picked ?? tree.first;
  const side = <SpanPane {...place} span={chosen} />;
  if (inside && tree.lone) return side;
  const fold = (id: number, shut: boolean) =>
    setFolded((before) => {
      const after = new Set(before);
      if (shut) after.add(id);
      else after.delete(id);
      return after;
    });
  return (
    <Box
      class={inside ? "inside" : ""}
      head={<Say of={tree.head} by={place.by!} />}
      side={side}
      what="spans and text"
      filter={filter}
      onFilter={setFilter}
      label="Spans"
      role="tree"
      kind="span"
      rows={rows}
      rowHeight={25}
      most={15}
      chosen={chosen}
      onChoose={setChosen}
      gestures={(row) => ({
        ArrowLeft: row?.kids && !folded.has(row.id) ? () => fold(row.id, true) : row?.parent != null && (() => setChosen(row.parent)),
        ArrowRight: row?.kids && folded.has(row.id) && (() => fold(row.id, false)),
      })}
      draw={({ id, depth, kids, name, label, status, cached, time, title, x, w }) => {
        const bad = status !== "ok";
        const shut = !filter && folded.has(id);
        return [
          {
            class: `span${bad ? " bad" : ""}${cached ? " cached" : ""}`,
            role: "treeitem",
            title: plain(title) || undefined,
            "aria-level": depth + 1,
            "aria-expanded": kids ? !shut : undefined,
            "data-status": status,
          },
          <span class="n" style={{ "--d": String(depth) }}>
            {kids && (
              <button type="button" class="fold" tabIndex={-1} aria-label={shut ? "unfold" : "fold"} onClick={(event) => (event.stopPropagation(), fold(id, !shut))}>
                {shut ? "▸" : "▾"}
              </button>
            )}
            <span class="clip">
              <Text>{name}</Text>
            </span>
            <span class={`k${bad ? " err" : ""}`}>
              <Text>{label}</Text>
            </span>
          </span>,
          <span class="wf" aria-hidden="true" style={{ "--x": x, "--w": w }} />,
          <span class="muted">{time}</span>,
        ];
      }}
    />
  );
}

/** What is not below a folded span; parents come first. */
export function visible<R extends { id: number; parent: number | null }>(rows: R[], folded: ReadonlySet<number>): R[] {
  const hidden = new Set<number>();
  return rows.filter(({ id, parent }) => {
    const below = parent != null && (folded.has(parent) || hidden.has(parent));
    if (below) hidden.add(id);
    return !below;
  });
}
