// The data that the kernel sends. Numbers are plain numbers, texts are hostile.
import type { Part } from "./parts";

export type RunState = "running" | "pausing" | "paused" | "waiting" | "stopping" | "stopped" | "cancelled" | "finished" | "failed";

export interface Row {
  id: string;
  number: number;
  label: string;
  /** "baseline", "labelled", "bootstrapped", "proposed", "reflected", "merged", "finetuned", "human", or an optimizer's own. */
  origin: string;
  parents: string[];
  status: "waiting" | "evaluating" | "partial" | "scored" | "dropped" | "unscored";
  score: number | null;
  low: number | null;
  high: number | null;
  done: number;
  total: number;
  reason: string | null;
  human: boolean;
}

export interface Decision {
  id: number;
  time: string;
  kind: string;
  text: string;
  undone: boolean;
}

export interface Snapshot {
  seq: number;
  run: { id: string; name: string; path: string };
  state: RunState;
  live: boolean;
  /** The state in words; what stands above the candidates, and instead of them where there are none. */
  words: string;
  header: Part;
  notices: Part;
  empty: Part;
  /** The commands of keys that are about the run as it stands. */
  keys: Record<string, string>;
  progress: { label: string; done: number; total: number } | null;
  /** What is said of the best beside its own words. */
  top?: string;
  /** What waits for an answer, and when it goes on by itself. */
  pending?: PendingItem[];
  countdown?: Part;
  /** Answers are for what waits alone: something does, or the run works on to the next that will. */
  asks?: boolean;
  best: string | null;
  accepted: string | null;
  baseline: string | null;
  candidates: Row[];
  decisions: Decision[];
  /** Where not all of them travel. */
  decisions_total?: number;
  /** How many candidates there are, where not all of them are in `candidates`. */
  candidates_total?: number;
}

export interface PendingItem {
  id: string;
  /** What it is, in words, and the command that edits it. */
  what: string;
  edit: string;
}
