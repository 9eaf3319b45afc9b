import type { Row, Snapshot } from "../kit/types";

/** What the panel knows of a run. `rows` are in order of creation, without a hole: a row's place is its number. `at` finds the place by id; as places
 * never change, what is known of a run before and after shares it. */
export interface Known {
  seq: number;
  run: Omit<Snapshot, "candidates"> | null;
  rows: Row[];
  at: Map<string, number>;
  /** So many of the rows, from the first, are as of `seq`; the pages bring the others. */
  fresh: number;
  /** A message is missing: ask for the whole again. */
  gap: boolean;
}

export interface Delta {
  type: "delta";
  seq: number;
  /** The delta holds everything that changed after this number. */
  from: number;
  changes: Partial<Snapshot>;
}

export const nothing: Known = { seq: -1, run: null, rows: [], at: new Map(), fresh: 0, gap: false };

/** Takes a whole snapshot, if it is newer than what is known. A forced one (the answer to a resend) always counts. */
export function take(known: Known, snapshot: Snapshot | null | undefined, force = false): Known {
  if (!snapshot?.run || (!force && snapshot.seq <= known.seq)) return known;
  const { candidates, ...run } = snapshot;
  // a snapshot of a long run holds only its first rows: the others stay as they are known until their pages come
  const keep = candidates.length < (snapshot.candidates_total ?? 0) && known.run?.run.id === run.run.id;
  return { seq: snapshot.seq, run, ...put(keep ? known : nothing, candidates), fresh: candidates.length, gap: false };
}

/** Applies a delta. Values in it are absolute, so one that overlaps what is known does no harm; one that starts later leaves a gap. */
export function apply(known: Known, delta: Delta): Known {
  if (!known.run || delta.from > known.seq) return known.gap ? known : { ...known, gap: true };
  if (delta.seq <= known.seq) return known;
  const { candidates, ...rest } = delta.changes;
  const { rows, at } = candidates ? put(known, candidates) : known;
  const fresh = known.fresh < known.rows.length ? known.fresh : rows.length;
  return { seq: delta.seq, run: { ...known.run, ...rest, seq: delta.seq }, rows, at, fresh, gap: known.gap };
}

/** Adds rows that were fetched later. A page that was asked for before a gap may lie beyond those that are fresh. */
export function addRows(known: Known, more: Row[]): Known {
  const next = more.length && more[0].number <= known.fresh ? more.at(-1)!.number + 1 : 0;
  return { ...known, ...put(known, more), fresh: Math.max(known.fresh, next) };
}

function put(known: Pick<Known, "rows" | "at">, more: Row[]): Pick<Known, "rows" | "at"> {
  const rows = known.rows.slice();
  const at = known === nothing ? new Map() : known.at;
  for (const row of more) {
    if (row.number > rows.length) continue; // between lie rows that were not fetched yet: their pages come to this one
    at.set(row.id, row.number);
    rows[row.number] = row;
  }
  return { rows, at };
}

export const rowOf = (known: Known, id: string | null | undefined): Row | undefined => (id == null ? undefined : known.rows[known.at.get(id) ?? -1]);

export type Order = "score" | "creation";

export const inProgress = (row: Row): boolean => row.status === "evaluating" || row.status === "waiting";

/** Changes when the candidate's examples do, though not with each of them. */
export const versionOf = (row: Row): string => `${row.status}|${row.score}|${row.status === "evaluating" ? Math.floor((row.done * 8) / Math.max(1, row.total)) : ""}`;

/** Rows as listed: by score, those without one last; or as they came, the newest first. */
export function ordered(rows: Row[], order: Order): Row[] {
  if (order === "creation") return rows.slice().reverse();
  const rank = (row: Row) => (row.score == null ? -1 : row.done < row.total ? row.score - 100 : row.score); // half a score is no score
  return rows.filter((row) => !inProgress(row)).sort((a, b) => rank(b) - rank(a) || a.number - b.number);
}

/** What the line below a candidate's bar says. */
export function describe(row: Row, known: Known): string {
  if (row.status === "dropped") return `dropped${row.reason ? `: ${row.reason}` : ""}`;
  if (row.status === "evaluating") return `evaluating · ${row.done} of ${row.total} examples`;
  const parent = rowOf(known, row.parents.at(-1));
  const from = parent && parent.origin !== "baseline" && !row.label.includes(`#${parent.number}`) ? ` · from #${parent.number}` : "";
  const label = row.label || (row.human ? "your edit" : row.origin);
  if (row.status === "waiting") return `waiting · ${label}`;
  const part = row.status === "partial" ? ` · ${row.done} of ${row.total} examples` : "";
  return `${label}${from}${part}${row.status === "unscored" ? " · no score yet" : ""}`;
}

const ENDED = new Set(["stopped", "cancelled", "finished", "failed"]);
export const ended = (state: string | undefined): boolean => ENDED.has(state ?? "");
