import type { Client } from "../kit/client";
import type { Commands } from "../kit/controls";
import type { Detail, Row, Snapshot } from "../kit/types";
import type { Known, Order } from "./state";

export type Run = Omit<Snapshot, "candidates">;
/** What is open in the pane: a word of the part that opens it. */
export type Form = "" | "reject" | "edit" | "inject" | "demo" | "branch" | "budget";

/** What lies on the table: the run, the chosen candidate, what the reader has open, and what can be done. Every part of the Studio is given it whole. */
export interface Desk extends Commands {
  client: Client;
  known: Known;
  run: Run;
  /** Commands are carried out; false for a run that is only looked at. */
  live: boolean;
  /** The chosen candidate, or the best. */
  row: Row | undefined;
  detail: Detail | null;
  problem: string | null;
  /** Chooses a candidate; null follows the best. */
  select: (id: string | null) => void;
  /** The candidate that the chosen one is shown against; null: what the run began with. */
  against: string | null;
  setAgainst: (id: string) => void;
  order: Order;
  setOrder: (order: Order) => void;
  tab: string;
  setTab: (tab: string) => void;
  form: Form;
  openForm: (form: Form) => void;
  /** The example whose trace is looked at. */
  example: number | null;
  showTrace: (example: number) => void;
  /** Texts that are being written, by slot; they outlive the view. */
  drafts: Map<string, string>;
  setDraft: (slot: string, text: string | null) => void;
  /** Undoes a decision, or the last one; `id` is the button's. */
  undo: (decision?: number, id?: string | number) => Promise<any>;
  toggleKeys: () => void;
  /** Something waits for an answer: the keys are about that. */
  asked: boolean;
}
