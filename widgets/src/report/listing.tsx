import { useLayoutEffect } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { useAsk } from "../kit/ask";
import type { Client, ViewProps } from "../kit/client";
import { Button, Wait } from "../kit/controls";
import { count } from "../kit/format";
import { useKept } from "../kit/kept";
import { useKeys } from "../kit/keys";
import { usePages } from "../kit/pages";
import { LineTable, type Lines } from "../kit/table";
import { Pairs, plain, Text } from "../kit/text";
import { TraceView } from "../traces/view";

type Id = string | number;

/** What the kernel says of a list, before any of its rows. */
interface Head {
  title: string;
  score: string;
  facts: string;
  /** How scores lie: heights from 0 to 1, and the same in words. */
  bars: number[];
  lie: string;
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

interface Opened {
  title: string;
  tag: [words: string, look: string] | null;
  facts: [name: string, text: string][];
  /** Whether there is one. */
  trace: boolean;
}

declare module "../kit/client" {
  interface Answers {
    rows: Lines & { counts: Record<string, number>; note: string };
    row: Opened;
  }
}

/** A list that the kernel sorts, filters and sends by the page, and the row that is open; `more` is drawn below that. */
export function Listing({ model, root, client, more }: ViewProps & { client: Client; more?: (id: Id, others: Head["others"]) => ComponentChildren }) {
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
  const { toggle, sheet } = useKeys(root, { Escape: leave, ...Object.fromEntries([["", ""], ...head.kinds].map(([key], n) => [n, () => setOnly(key)])) }, head.help);
  const choose = (label: string, value: Id | null, set: (id: Id | null) => void) => (
    <label class="row-end">
      <span class="muted">{label}</span>
      <select value={String(value ?? "")} onChange={(event) => set(head.others.find(([id]) => String(id) === event.currentTarget.value)?.[0] ?? null)}>
        <option value="">nothing</option>
        {head.others.map(([id, name]) => (
          <option value={String(id)}>{plain(name)}</option>
        ))}
      </select>
    </label>
  );
  return (
    <>
      <div class="trace-head">
        <b>
          <Text>{head.title}</Text>
        </b>
        {head.score && <b class="score num">{head.score}</b>}
        <span class="muted num">{plain(head.facts)}</span>
        {head.bars.length > 0 && (
          <span class="bars" role="img" aria-label={head.lie} title={head.lie}>
            {head.bars.map((part) => (
              <i style={{ height: `${28 * part}px` }} />
            ))}
          </span>
        )}
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
          {head.others.length > 0 && !more && choose("against", against, setAgainst)}
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
                <div class="row">
                  <h3>
                    <Text>{row.title}</Text>
                  </h3>
                  {row.tag && <span class={`tag ${row.tag[1]}`}>{row.tag[0]}</span>}
                  <Button class="small row-end" onClick={leave}>
                    Close
                  </Button>
                </div>
                {more?.(chosen, head.others)}
                <Pairs class={more ? "" : "m"} rows={row.facts} />
                {row.trace && <TraceView client={client} of={{ row: chosen }} inside />}
              </>
            )}
          </section>
        )}
      </div>
    </>
  );
}
