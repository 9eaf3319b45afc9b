import type { ComponentChildren, JSX } from "preact";
import { keys, type Gestures } from "../kit/keys";
import { useWord, Virtual } from "../kit/virtual";

interface Props<R> {
  class?: string;
  /** What stands in the head before the filter, and beside the list. */
  head: ComponentChildren;
  side: ComponentChildren;
  what: string;
  filter: string;
  onFilter: (words: string) => void;
  label: string;
  role?: "tree";
  kind: string;
  rows: R[];
  rowHeight: number;
  most: number;
  chosen: number | null;
  onChoose: (id: number) => void;
  /** What other keys than the arrows up and down do in the chosen row. */
  gestures?: (row: R | undefined) => Gestures;
  /** How a row looks, and what stands in it. */
  draw: (row: R) => [attributes: JSX.HTMLAttributes<HTMLDivElement>, ...inner: ComponentChildren[]];
}

/** A list with a filter, and what is chosen in it beside it. */
export function Box<R extends { id: number }>({ class: name = "", head, side, what, filter, onFilter, kind, rows, most, chosen, onChoose, gestures, draw, ...list }: Props<R>) {
  const word = useWord();
  const at = rows.findIndex(({ id }) => id === chosen);
  const go = (to: number) => rows[to] && (() => onChoose(rows[to].id));
  return (
    <div class={`trace ${name}`}>
      <div class="trace-head">
        {head}
        <input type="search" aria-label={`Filter ${what}`} placeholder="Filter…" value={filter} onInput={(event) => onFilter(event.currentTarget.value)} />
      </div>
      <div class="trace-cols">
        <div class="tree num" onKeyDown={keys({ ArrowDown: go(at + 1), ArrowUp: go(at - 1), ...gestures?.(rows[at]) })}>
          <div class="tree-body" style={{ height: `${Math.min(Math.max(rows.length, 1), most) * list.rowHeight + 2}px` }}>
            <Virtual
              {...list}
              count={rows.length}
              selected={at}
              active={at < 0 ? undefined : `${word}-${chosen}`}
              row={(n, style) => {
                const { id } = rows[n];
                const [{ class: look, ...rest }, ...inner] = draw(rows[n]);
                const sel = id === chosen;
                return (
                  <div key={id} id={`${word}-${id}`} class={`${look}${sel ? " sel" : ""}`} aria-selected={sel} data-kind={kind} data-id={id} style={style} onClick={() => onChoose(id)} {...rest}>
                    {inner}
                  </div>
                );
              }}
            />
          </div>
          {!rows.length && <p class="muted none">Nothing matches.</p>}
        </div>
        {side}
      </div>
    </div>
  );
}
