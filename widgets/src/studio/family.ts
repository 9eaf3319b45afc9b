import type { Row } from "../kit/types";

export interface Kin {
  row: Row;
  depth: number;
  parent?: Row;
  /** In the tree, from 1. */
  place: number;
}

/** The candidates as a tree, in the order in which it is drawn: each below the youngest of its parents. */
export function family(rows: Row[]): Kin[] {
  const known = new Map(rows.map((row) => [row.id, row]));
  const children = new Map<Row | undefined, Kin[]>();
  for (const row of rows) {
    let parent: Row | undefined;
    for (const id of row.parents) {
      const one = known.get(id);
      if (one && one.number < row.number && one.number > (parent?.number ?? -1)) parent = one;
    }
    const one = { row, depth: 0, parent, place: 0 };
    if (!children.get(parent)?.push(one)) children.set(parent, [one]);
  }
  const found: Kin[] = [];
  const waiting = [...(children.get(undefined) ?? [])].reverse();
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    one.place = found.push(one);
    for (const child of (children.get(one.row) ?? []).reverse()) waiting.push(Object.assign(child, { depth: one.depth + 1 }));
  }
  return found;
}
