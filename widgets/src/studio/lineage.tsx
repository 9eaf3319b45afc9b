import { useMemo, useState } from "preact/hooks";
import { Button } from "../kit/controls";
import { count, score, signed } from "../kit/format";
import { Table } from "../kit/table";
import { Text } from "../kit/text";
import type { Desk } from "./desk";
import { family, type Kin } from "./family";
import { describe, inProgress } from "./state";

const DEEPEST = 12; // steps that are drawn

const gainOf = ({ row, parent }: Kin): number | null => (parent?.score != null && row.score != null && !inProgress(row) ? row.score - parent.score : null);

/** All candidates as a tree, and by the heads as a table: or this one and what it comes from. */
export function Lineage({ desk: { known, run, row, select }, own }: { desk: Desk; own: string[] }) {
  const [all, setAll] = useState(true);
  const kin = useMemo(() => family(known.rows), [known.rows]);
  const mine = new Set(own);
  const show = (on: boolean, words: string, n: number) => (
    <Button class="chip" pressed={all === on} onClick={() => setAll(on)}>
      {words} <span class="num">{count(n)}</span>
    </Button>
  );
  return (
    <>
      <div class="row filters" role="group" aria-label="Show">
        {show(true, "All candidates", kin.length)}
        {show(false, "This one and its ancestors", mine.size)}
      </div>
      <Table<Kin>
        class="kin"
        label="Lineage of the candidates"
        kind="candidate"
        id={(one) => one.row.id}
        rows={all ? kin : kin.filter((one) => mine.has(one.row.id))}
        columns={[
          {
            id: "tree",
            head: "lineage",
            width: "minmax(0, 1fr)",
            by: (one) => one.place,
            cell: (one) => (
              <span style={{ paddingLeft: `${all ? Math.min(one.depth, DEEPEST) * 14 : 0}px` }}>
                {one.depth > 0 && <span class="muted">└ </span>}
                {one.row.id === run.best && "★ "}
                <Text>{describe(one.row, known)}</Text>
              </span>
            ),
          },
          { id: "number", head: "#", width: "48px", class: "num", by: (one) => one.row.number, cell: (one) => one.row.number },
          { id: "score", head: "score", width: "56px", class: "num", by: (one) => one.row.score, cell: (one) => score(one.row.score) },
          { id: "gain", head: "gain", width: "56px", class: (one) => `num ${gainOf(one)! < 0 ? "down" : "up"}`, by: gainOf, cell: (one) => gainOf(one) != null && signed(gainOf(one)!) },
          { id: "done", head: "examples", width: "72px", class: "muted num", by: (one) => one.row.done, cell: (one) => count(one.row.done) },
        ]}
        sort="tree"
        most={12}
        selected={row?.id}
        look={(one) => `${one.row.status}${mine.has(one.row.id) ? " own" : ""}`}
        onOpen={(one) => select(one.row.id)}
      />
    </>
  );
}
