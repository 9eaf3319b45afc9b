import { Diff } from "./diff";
import { Long, plain } from "./text";

type Fields = Record<string, string> | null | undefined;

/** Two replies beside each other, a field a row; the words that differ are marked in the second. */
export const Beside = ({ heads, before, after }: { heads: [string, string]; before: Fields; after: Fields }) => (
  <div class="beside" role="table" aria-label="Two replies">
    <div role="row" class="muted num">
      {["field", ...heads].map((head) => (
        <span role="columnheader">{plain(head)}</span>
      ))}
    </div>
    {Object.keys({ ...before, ...after }).map((name) => {
      const [was, now] = [before?.[name], after?.[name]];
      return (
        <div role="row">
          <span role="rowheader" class="muted">
            {plain(name)}
          </span>
          <div role="cell" class="m">
            <Long text={was ?? "—"} />
          </div>
          <div role="cell" class="m">
            {was == null || now == null ? <Long text={now ?? "—"} /> : <Diff before={was} after={now} />}
          </div>
        </div>
      );
    })}
  </div>
);
