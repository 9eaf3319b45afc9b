import type { Row, Snapshot } from "../kit/types";

/** What the panel knows of a run. `rows` are in order of creation; `at` finds a row's place by id. */
export interface Known {
  seq: number;
  run: Omit<Snapshot, "candidates"> | null;
  rows: Row[];
  at: Map<string, number>;
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

export const nothing: Known = { seq: -1, run: null, rows: [], at: new Map(), gap: false };

/** Takes a whole snapshot, unless it is older than what is known. A forced one (the answer to a resend) always counts. */
export function take(known: Known, snapshot: Snapshot | null | undefined, force = false): Known {
  if (!snapshot?.run || (!force && snapshot.seq < known.seq)) return known;
  const { candidates, ...run } = snapshot;
  const total = snapshot.candidates_total ?? candidates.length;
  // a snapshot of a long run holds only its first rows: the others stay as they are known
  const keep = candidates.length < total && known.run?.run.id === run.run.id;
  const { rows, at } = put(keep ? known : nothing, candidates);
  return { seq: snapshot.seq, run, rows, at, gap: false };
}

/** Applies a delta. Values in it are absolute, so one that overlaps what is known does no harm; one that starts later leaves a gap. */
export function apply(known: Known, delta: Delta): Known {
  if (!known.run || delta.from > known.seq) return known.gap ? known : { ...known, gap: true };
  if (delta.seq <= known.seq) return known;
  const { candidates, ...rest } = delta.changes;
  const { rows, at } = candidates ? put(known, candidates) : known;
  return { seq: delta.seq, run: { ...known.run, ...rest, seq: delta.seq }, rows, at, gap: known.gap };
}

/** Adds rows that were fetched later. */
export const addRows = (known: Known, more: Row[]): Known => ({ ...known, ...put(known, more) });

function put(known: Pick<Known, "rows" | "at">, more: Row[]): Pick<Known, "rows" | "at"> {
  const rows = known.rows.slice();
  let at = known.at;
  for (const row of more) {
    const place = at.get(row.id);
    if (place !== undefined) rows[place] = row;
    else {
      if (at === known.at) at = new Map(at);
      at.set(row.id, rows.length);
      rows.push(row);
    }
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

export const STATE_WORDS: Record<string, string> = {
  running: "Running",
  pausing: "Pausing…",
  paused: "Paused",
  waiting: "Waiting for you",
  stopping: "Stopping…",
  stopped: "Stopped",
  cancelled: "Cancelled",
  finished: "Finished",
  failed: "Failed",
};
