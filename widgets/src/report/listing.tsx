import { useLayoutEffect } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { useAsk } from "../kit/ask";
import type { Client, ViewProps } from "../kit/client";
import { Button, Wait } from "../kit/controls";
import { count } from "../kit/format";
import { useKept } from "../kit/kept";
import { useKeys } from "../kit/keys";
import { usePages } from "../kit/pages";
import { Say, type Doer, type Part } from "../kit/parts";
import { LineTable, type Lines } from "../kit/table";
import { plain } from "../kit/text";
import { TraceView } from "../traces/view";

type Id = string | number;

/** What the kernel says of a list, before any of its rows. */
interface Head {
  title: string;
  said: Part;
  state: string;
  /** `data-kind` of the rows. */
  kind: string;
  /** What can be shown alone; `always` also where there is none. */
  kinds: [only: string, words: string, always: boolean][];
  others: [id: Id, name: string][];
  against: Id | null;
  sort: string;
  help: [key: string, does: string][];
}

declare module "../kit/client" {
  interface Answers {
    rows: Lines & { counts: Record<string, number>; note: string };
    row: { said: Part; trace: boolean };
  }
}

interface Props extends ViewProps {
  client: Client;
  by: Doer;
  /** Draws the row that is open, where more comes of its buttons than what they say. */
  draw?: (said: Part, by: Doer) => ComponentChildren;
}

/** A list that the kernel sorts, filters and sends by the page, and the row that is open. */
export function Listing({ model, root, client, draw, ...props }: Props) {
  const head: Head = model.get("head");
  const [against, setAgainst] = useKept(model, "against", head.against);
  const [only, setOnly] = useKept(model, "only", "");
  const [sort, setSort] = useKept(model, "sort", head.sort);
  const [search, setSearch] = useKept(model, "search", "");
  const [chosen, setChosen] = useKept<Id | null>(model, "row", null);
  const query = { against, only, search, sort };
  const [page, problem, next] = usePages((offset) => client.get("rows", { ...query, offset }), JSON.stringify(query));
  const [row, lost] = useAsk(() => chosen != null && client.get("row", { row: chosen, against }).then((one) => ({ ...one, of: chosen })), [chosen, against]);
  useLayoutEffect(() => root.setAttribute("data-state", head.state), []);
  const leave = () => (setChosen(null), root.focus({ preventScroll: true }));
  const by = { ...props.by, go: leave };
  const { toggle, sheet } = useKeys(root, { Escape: leave, ...Object.fromEntries([["", ""], ...head.kinds].map(([key], n) => [n, () => setOnly(key)])) }, head.help);
  return (
    <>
      <div class="trace-head">
        <Say of={head.said} by={by} />
        <input type="search" aria-label="Search rows" placeholder="Search rows…" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        <Button class="quiet" aria-label="Keys" shortcut="?" onClick={toggle} />
      </div>
      {sheet}
      <div class="pane">
        <div class="row" role="group" aria-label="Show only">
          {[["", "All", true] as const, ...head.kinds].map(
            ([key, words, always]) =>
              (always || only === key || page?.counts[key]! > 0) && (
                <Button class="chip" data-only={key} pressed={only === key} onClick={() => setOnly(key)}>
                  {words}
                  {page && <span class="num"> {count(page.counts[key])}</span>}
                </Button>
              ),
          )}
          {head.others.length > 0 && (
            <label class="row-end">
              <span class="muted">against</span>
              <select value={String(against ?? "")} onChange={(event) => setAgainst(head.others.find(([id]) => String(id) === event.currentTarget.value)?.[0] ?? null)}>
                <option value="">nothing</option>
                {head.others.map(([id, name]) => (
                  <option value={String(id)}>{plain(name)}</option>
                ))}
              </select>
            </label>
          )}
        </div>
        {page?.note && <p class="num">{plain(page.note)}</p>}
        {problem || !page ? (
          <Wait problem={problem} />
        ) : page.rows.length ? (
          <LineTable label={head.title} kind={head.kind} page={page} sort={sort} onSort={setSort} selected={chosen} onOpen={(one) => setChosen(one.id)} onEnd={next} />
        ) : (
          <p class="muted none">No such row.</p>
        )}
        {chosen != null && (
          <section class="one" key={chosen} aria-label="The open row">
            {lost || row?.of !== chosen ? (
              <Wait problem={lost} />
            ) : (
              <>
                {draw ? draw(row.said, by) : <Say of={row.said} by={by} />}
                {row.trace && <TraceView client={client} of={{ row: chosen }} inside />}
              </>
            )}
          </section>
        )}
      </div>
    </>
  );
}
