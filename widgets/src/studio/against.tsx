import { useMemo } from "preact/hooks";
import type { Row } from "../kit/types";
import type { Desk } from "./desk";
import { rowOf, type Known } from "./state";

const CHOICES = 120;

/** What a candidate is called beside others. */
export const nameOf = ({ run }: Pick<Desk, "run">, row: Row | undefined): string =>
  !row ? "nothing" : row.id === run.baseline ? "the baseline" : `#${row.number}${row.id === run.best ? ", the best" : ""}`;

/** The other candidate: prompt, gain and examples of the chosen one are shown as what differs from it. */
export function Against({ desk, row }: { desk: Desk; row: Row }) {
  const { known, run, against } = desk;
  const choices = useMemo(() => choose(known, row.id, against), [known.rows, run.best, row.id, against]);
  if (!choices.length) return null;
  return (
    <label class="row-end">
      <span class="muted">against</span>{" "}
      <select value={against ?? run.baseline ?? ""} onChange={(event) => desk.setAgainst(event.currentTarget.value)}>
        {choices.map((one) => (
          <option value={one.id}>{nameOf(desk, one)}</option>
        ))}
      </select>
    </label>
  );
}

/** What to offer, in order of creation: baseline, best and the best others; not ten thousand options. */
function choose(known: Known, candidate: string, against: string | null): Row[] {
  const first = [rowOf(known, known.run?.baseline), rowOf(known, known.run?.best), rowOf(known, against)].filter((row) => row !== undefined);
  const rest = known.rows.filter((row) => row.score != null).sort((a, b) => b.score! - a.score!);
  const found = [...new Set([...first, ...rest])].filter((row) => row.id !== candidate);
  return found.slice(0, CHOICES).sort((a, b) => a.number - b.number);
}
