import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { Button } from "./controls";
import { keys } from "./keys";
import { plain, Text } from "./text";
import { Virtual } from "./virtual";

export interface Column<R> {
  id: string;
  head: ComponentChildren;
  /** As in `grid-template-columns`. */
  width: string;
  cell: (row: R) => ComponentChildren;
  class?: string | ((row: R) => string);
  /** The head sorts by this; what is null comes last. */
  by?: (row: R) => number | string | null | undefined;
}

interface Props<R> {
  label: string;
  /** `data-kind` and `data-id` of the rows. */
  kind: string;
  id: (row: R) => string | number;
  rows: R[];
  columns: Column<R>[];
  /** The first order; "-score" is down. */
  sort?: string;
  /** Takes the order, where whoever gives the rows sorts them. */
  onSort?: (order: string) => void;
  rowHeight?: number;
  /** So many rows show without scrolling. */
  most?: number;
  class?: string;
  look?: (row: R) => string;
  title?: (row: R) => string;
  /** Enter, Space or a click on a row; `can` says for which. */
  onOpen?: (row: R) => void;
  can?: (row: R) => boolean;
  selected?: string | number | null;
  onEnd?: () => void;
}

/** A table that holds only the rows in sight. Heads sort; arrows, Home and End move between rows, Enter opens one. */
export function Table<R>({ label, kind, id, rows: given, columns, sort = "", onSort, rowHeight = 29, most = 10, class: name = "", look, title, onOpen, can, selected, onEnd }: Props<R>) {
  const [order, setOrder] = useState(sort);
  const [at, setAt] = useState(0);
  const moved = useRef(false);
  const down = order[0] === "-";
  const rows = useMemo(() => {
    const by = !onSort && columns.find((column) => column.id === order.replace("-", ""))?.by;
    return by ? [...given].sort((a, b) => compare(by(a), by(b), down)) : given;
  }, [given, order]);
  const here = Math.min(at, rows.length - 1);
  const arrive = (node: HTMLElement | null) => {
    if (!node || !moved.current) return; // a far row is drawn only after the list has scrolled to it
    moved.current = false;
    node.focus({ preventScroll: true });
  };
  const turn = (next: string) => (setOrder(next), onSort?.(next));
  const go = (to: number) => () => {
    moved.current = true;
    setAt(Math.max(0, Math.min(rows.length - 1, to)));
  };
  const row = (index: number, place: Record<string, string>) => {
    const one = rows[index];
    const open = onOpen && (!can || can(one)) ? () => (setAt(index), onOpen(one)) : undefined;
    const chosen = selected === undefined ? undefined : id(one) === selected;
    return (
      <div
        key={id(one)}
        class={`tr ${look?.(one) ?? ""}${open ? " can" : ""}${chosen ? " sel" : ""}`}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={chosen}
        data-kind={kind}
        data-id={id(one)}
        style={place}
        title={title?.(one)}
        tabIndex={index === here ? 0 : -1}
        ref={index === here ? (node) => arrive(node) : undefined}
        onClick={open}
        onKeyDown={keys({ ArrowDown: go(index + 1), ArrowUp: go(index - 1), Home: go(0), End: go(rows.length - 1), Enter: open, " ": open })}
      >
        {columns.map((column) => (
          <span role="cell" class={`clip ${typeof column.class === "function" ? column.class(one) : (column.class ?? "")}`}>
            {column.cell(one)}
          </span>
        ))}
      </div>
    );
  };
  return (
    <div class={`table ${name}`} role="table" aria-label={label} aria-rowcount={rows.length + 1} style={{ "--cols": columns.map((column) => column.width).join(" ") }}>
      <div class="tr head" role="row" aria-rowindex={1}>
        {columns.map(({ id: column, head, by }) => {
          const sorted = order.replace("-", "") === column;
          return (
            <span role="columnheader" aria-sort={!by ? undefined : sorted ? (down ? "descending" : "ascending") : "none"}>
              {by ? (
                <Button class="link" data-sort={column} onClick={() => turn(sorted && !down ? `-${column}` : column)}>
                  {head}
                  {sorted && (down ? " ▾" : " ▴")}
                </Button>
              ) : (
                head
              )}
            </span>
          );
        })}
      </div>
      <div class="table-body" role="presentation" style={{ height: `${Math.min(rows.length, most) * rowHeight}px` }}>
        <Virtual role="rowgroup" label={label} count={rows.length} rowHeight={rowHeight} selected={here} row={row} onEnd={onEnd} />
      </div>
    </div>
  );
}

/** A row as the kernel says it: it sorts, filters and cuts. */
export interface Line {
  id: string | number;
  title: string;
  cells: [text: string, look: string][];
  /** False: there is nothing to open. */
  opens?: boolean;
}

/** A page of rows, and what stands above them. */
export interface Lines {
  total: number;
  columns: [id: string, head: string, width: string][];
  rows: Line[];
}

/** A table of lines; with `onSort` the kernel is asked for another order. */
export const LineTable = ({ page, onSort, ...rest }: { page: Lines } & Omit<Props<Line>, "id" | "rows" | "columns" | "title" | "can">) => (
  <Table
    {...rest}
    onSort={onSort}
    id={(one) => one.id}
    rows={page.rows}
    columns={page.columns.map(([id, head, width], n): Column<Line> => ({ id, head, width, by: onSort && (() => 0), class: (one) => one.cells[n][1], cell: (one) => <Text>{one.cells[n][0]}</Text> }))}
    title={(one) => plain(one.title)}
    can={(one) => one.opens !== false}
  />
);

/** Order of two cells; what is missing comes last either way. */
export function compare(a: number | string | null | undefined, b: number | string | null | undefined, down: boolean): number {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
}
