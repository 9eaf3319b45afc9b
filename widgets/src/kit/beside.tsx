import type { ComponentChildren } from "preact";
import { Diff } from "./diff";
import { Long, plain } from "./text";

/** Two replies beside each other, a field a row; the words that differ are marked in the second. */
export const Beside = ({ heads, rows }: { heads: [ComponentChildren, ComponentChildren]; rows: [name: string, before: string | null, after: string | null][] }) => (
  <div class="beside" role="table" aria-label="Two replies">
    <div role="row">
      {["", ...heads].map((head) => (
        <span role="columnheader" class="muted num">
          {head}
        </span>
      ))}
    </div>
    {rows.map(([name, before, after]) => (
      <div role="row">
        <span role="rowheader" class="muted">
          {plain(name)}
        </span>
        <div role="cell" class="m">
          <Long text={before ?? "—"} />
        </div>
        <div role="cell" class="m">{before == null || after == null ? <Long text={after ?? "—"} /> : <Diff before={before} after={after} />}</div>
      </div>
    ))}
  </div>
);
