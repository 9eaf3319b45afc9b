import type { Row } from "../kit/types";

export interface Kin {
  row: Row;
  depth: number;
  parent: Row | undefined;
}

/** The candidates as a tree, in the order in which it is drawn: each below the youngest of its parents. */
export function family(rows: Row[]): Kin[] {
  const known = new Map(rows.map((row) => [row.id, row]));
  const children = new Map<Row | undefined, Row[]>();
  const parents = new Map<Row, Row>();
  for (const row of rows) {
    let parent: Row | undefined;
    for (const id of row.parents) {
      const one = known.get(id);
      if (one && one.number < row.number && (!parent || one.number > parent.number)) parent = one;
    }
    if (parent) parents.set(row, parent);
    const own = children.get(parent);
    if (own) own.push(row);
    else children.set(parent, [row]);
  }
  const found: Kin[] = [];
  const waiting: Kin[] = [];
  const push = (parent: Row | undefined, depth: number) => {
    for (const row of (children.get(parent) ?? []).slice().reverse()) waiting.push({ row, depth, parent });
  };
  push(undefined, 0);
  while (waiting.length) {
    const one = waiting.pop()!;
    found.push(one);
    push(one.row, one.depth + 1);
  }
  return found;
}
