import type { ComponentChildren } from "preact";
import { keys, type Gestures } from "../kit/keys";
import { Virtual } from "../kit/virtual";

interface Props {
  class?: string;
  /** What stands in the head before the filter, and beside the list. */
  head: ComponentChildren;
  side: ComponentChildren;
  what: string;
  filter: string;
  onFilter: (words: string) => void;
  label: string;
  role?: "tree";
  count: number;
  rowHeight: number;
  most: number;
  selected: number;
  active?: string;
  gestures: Gestures;
  row: (index: number, style: Record<string, string>) => ComponentChildren;
}

/** A list with a filter, and what is chosen in it beside it. */
export const Box = ({ class: name = "", head, side, what, filter, onFilter, most, gestures, ...list }: Props) => (
  <div class={`trace ${name}`}>
    <div class="trace-head">
      {head}
      <input type="search" aria-label={`Filter ${what}`} placeholder={`Filter ${what}…`} value={filter} onInput={(event) => onFilter(event.currentTarget.value)} />
    </div>
    <div class="trace-cols">
      <div class="tree num" onKeyDown={keys(gestures)}>
        <div class="tree-body" style={{ height: `${Math.min(Math.max(list.count, 1), most) * list.rowHeight + 2}px` }}>
          <Virtual {...list} />
        </div>
        {!list.count && <p class="muted none">Nothing matches.</p>}
      </div>
      {side}
    </div>
  </div>
);
