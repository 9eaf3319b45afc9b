import type { Client } from "../kit/client";
import type { Tab } from "../kit/controls";
import type { Doer, Part } from "../kit/parts";
import type { Row, Snapshot } from "../kit/types";
import type { Known, Order } from "./state";

export type Run = Omit<Snapshot, "candidates">;

/** What the kernel says of a candidate, or of none while there is none (`lmnb_widgets/pane.py`). */
export interface Told {
  id: string | null;
  /** Of this tab is the body. */
  tab: string;
  title: Part;
  facts: Part;
  /** What it can be shown against. */
  choices: [id: string, words: string][];
  forms: Part;
  tabs: Tab[];
  body?: Part;
  /** It and its ancestors. */
  own?: string[];
  /** Forms about the run, its decisions, and what the keys do. */
  over: Part;
  foot: Part;
  help: [key: string, does: string][];
}

declare module "../kit/client" {
  interface Answers {
    pane: Told;
  }
}

/** What lies on the table: the run, the chosen candidate, what the reader has open, and what can be done. Every part of the Studio is given it whole. */
export interface Desk extends Doer {
  client: Client;
  known: Known;
  run: Run;
  /** Commands are carried out; false for a run that is only looked at. */
  live: boolean;
  /** The chosen candidate, or the best. */
  row: Row | undefined;
  told: Told | null;
  problem: string | null;
  /** Chooses a candidate; null follows the best. */
  select: (id: string | null) => void;
  /** The candidate that the chosen one is shown against; null: what the run began with. */
  against: string | null;
  setAgainst: (id: string | null) => void;
  order: Order;
  setOrder: (order: Order) => void;
  tab: string;
  setTab: (tab: string) => void;
  /** The example whose trace is looked at. */
  example: number | null;
  showTrace: (example: number) => void;
  /** Something waits for an answer: the keys are about that. */
  asked: boolean;
}
