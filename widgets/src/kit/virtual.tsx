import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  count: number;
  rowHeight: number;
  label: string;
  /** Draws row `index`; gives it the style that puts it into place. */
  row: (index: number, style: Record<string, string>) => ComponentChildren;
  /** Kept in view when it changes. */
  selected?: number;
  class?: string;
  role?: "listbox" | "list" | "tree" | "rowgroup";
  active?: string;
  onEnd?: () => void;
}

const SPARE = 6;

/** A word for ids that no other view in the page has: two panels of one run hold the same rows. */
export const useWord = (): string => useState(() => `lmnb-${Math.random().toString(36).slice(2, 10)}`)[0];

/** A list that holds only the rows in sight, so ten thousand scroll like ten. */
export function Virtual({ count, rowHeight, label, row, selected = -1, class: name = "", role = "listbox", active, onEnd }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);

  useLayoutEffect(() => {
    const node = box.current!;
    const measure = () => setHeight(node.clientHeight || 400);
    const watch = new ResizeObserver(measure);
    watch.observe(node);
    measure();
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    const node = box.current!;
    if (selected < 0) return;
    const at = selected * rowHeight;
    if (at < node.scrollTop) node.scrollTop = at;
    else if (at + rowHeight > node.scrollTop + node.clientHeight) node.scrollTop = at + rowHeight - node.clientHeight;
  }, [selected]);

  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + SPARE);
  useEffect(() => {
    if (onEnd && count && last >= count) onEnd();
  }, [last >= count, count]);

  const rows: ComponentChildren[] = [];
  for (let index = first; index < last; index++) rows.push(row(index, { top: `${index * rowHeight}px`, height: `${rowHeight}px` }));
  return (
    <div class={`virtual ${name}`} ref={box} role={role} tabIndex={role === "listbox" || role === "tree" ? 0 : undefined} aria-label={label} aria-activedescendant={active} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      <div class="virtual-space" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {rows}
      </div>
    </div>
  );
}
