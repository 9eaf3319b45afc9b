import type { Row } from "../kit/types";

export interface Point {
  id: string;
  number: number;
  x: number;
  y: number;
  score: number;
}

export interface Curve {
  ticks: { y: number; text: string }[];
  /** Candidates that never led, as one path of round dots. */
  dots: string;
  dropped: string;
  /** Those that led when they came. */
  leaders: Point[];
  humans: Point[];
  stairs: string;
  band: string;
  best: (Point & { margin: number | null }) | null;
  points: Point[];
  last: { x: number; number: number } | null;
}

export const LEFT = 45;
export const TOP = 14;
const RIGHT = 24;
export const MANY = 400; // from here on dots are small and pale: a cloud, not a wall
const STEP = 72; // widest distance between two candidates, so that a young run does not stretch over the whole panel

/** Where everything of the score curve goes. Pure: rows in order of creation and a size in, paths and points out. `expected` candidates leave room. */
export function layout(rows: Row[], width: number, height: number, bestId: string | null = null, expected = 0): Curve {
  const scored = rows.filter((row) => row.score != null && (row.status === "scored" || (row.status === "dropped" && row.done >= row.total)));
  const [low, high] = range(scored);
  const bottom = height - 4;
  const step = Math.min(STEP, (width - LEFT - RIGHT) / Math.max(1, Math.max(rows.length, expected) - 1));
  const place = new Map(rows.map((row, n) => [row.id, n]));
  const x = (row: Row) => round(LEFT + place.get(row.id)! * step);
  const y = (score: number) => round(TOP + ((high - score) / (high - low)) * (bottom - TOP));
  const points = scored.map((row) => ({ id: row.id, number: row.number, x: x(row), y: y(row.score!), score: row.score! }));

  const leading: { row: Row; point: Point }[] = [];
  const dots = new Set<string>();
  const dropped = new Set<string>();
  const humans: Point[] = [];
  const many = scored.length > MANY;
  const grid = many ? 2 : 0.1; // of many dots, those on the same spot are drawn once
  const dot = many ? "h3v3h-3z" : "h0"; // and as squares: ten thousand round ones take three frames to paint
  const off = many ? 1.5 : 0;
  let top = -Infinity;
  scored.forEach((row, n) => {
    const point = points[n];
    const mark = `M${Math.round(point.x / grid) * grid - off} ${Math.round(point.y / grid) * grid - off}${dot}`;
    if (row.status === "dropped") dropped.add(mark);
    else if (row.score! > top) {
      top = row.score!;
      leading.push({ row, point });
      if (row.human) humans.push(point);
    } else if (row.human) humans.push(point);
    else dots.add(mark);
  });

  const end = rows.length ? round(LEFT + (rows.length - 1) * step) : LEFT;
  let stairs = "";
  const over: string[] = [];
  const under: string[] = [];
  leading.forEach(({ row, point }, n) => {
    const until = leading[n + 1]?.point.x ?? Math.max(end, round(point.x + Math.min(24, step)));
    stairs += n ? `V${point.y}` : `M${point.x} ${point.y}`;
    stairs += `H${until}`;
    over.push(`${point.x} ${y(row.high ?? row.score!)}`, `${until} ${y(row.high ?? row.score!)}`);
    under.unshift(`${until} ${y(row.low ?? row.score!)}`, `${point.x} ${y(row.low ?? row.score!)}`);
  });
  // the run's word counts: ties and human decisions can make another one the best
  const chosen = scored.findIndex((row) => row.id === bestId);
  const last = chosen >= 0 ? { row: scored[chosen], point: points[chosen] } : leading.at(-1);
  const best = last ? { ...last.point, margin: last.row.low != null && last.row.high != null ? (last.row.high - last.row.low) / 2 : null } : null;
  return {
    ticks: ticksOf(low, high).map((value) => ({ y: y(value), text: `${value}%` })),
    dots: [...dots].join(""),
    dropped: [...dropped].join(""),
    leaders: leading.map(({ point }) => point),
    humans,
    stairs,
    band: over.length ? `M${[...over, ...under].join("L")}Z` : "",
    best,
    points,
    last: rows.length > 1 ? { x: end, number: rows.at(-1)!.number } : null,
  };
}

/** Where a text goes: its end that is next to the point, and whether it runs to the left from there. */
export interface Label {
  x: number;
  y: number;
  left: boolean;
}

type Box = [left: number, top: number, right: number, bottom: number];

const EDIT = 54; // how wide "your edit" is, at most

export const bestWide = (words: string): number => words.length * 7;

/** What a text of that width covers, at most. */
export const cover = ({ x, y, left }: Label, wide: number): Box => [left ? x - wide : x, y - 10, left ? x : x + wide, y + 4];

export const meet = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** Where the best's words go, and "your edit": the latter to the first side of its point on which it stays in the drawing and clear of the best. */
export function labels(best: Point | null, words: string, edit: Point | undefined, width: number, height: number): { best?: Label; edit?: Label } {
  const taken: Box[] = [];
  let top: Label | undefined;
  if (best) {
    const left = best.x + bestWide(words) + 12 > width;
    top = { x: best.x + (left ? -10 : 9), y: Math.max(11, best.y - 9), left };
    taken.push(cover(top, bestWide(words)), [best.x - 6, best.y - 6, best.x + 6, best.y + 6]);
  }
  if (!edit || edit.id === best?.id) return { best: top };
  const sides = [-5, 14, -18, -31, 27, -44].flatMap((by) => [false, true].map((left) => ({ x: edit.x + (left ? -10 : 10), y: Math.max(11, edit.y + by), left })));
  const fits = (side: Label) => {
    const own = cover(side, EDIT);
    return own[0] >= LEFT - 5 && own[2] <= width && own[1] >= 0 && own[3] <= height + 3 && !taken.some((one) => meet(own, one));
  };
  return { best: top, edit: sides.find(fits) };
}

const round = (value: number): number => Math.round(value * 10) / 10;

function range(rows: Row[]): [number, number] {
  if (!rows.length) return [0, 100];
  let low = Infinity;
  let high = -Infinity;
  let lowest = Infinity; // of the scores themselves: a wide interval must not flatten the curve
  for (const row of rows) {
    low = Math.min(low, row.low ?? row.score!);
    lowest = Math.min(lowest, row.score!);
    high = Math.max(high, row.high ?? row.score!);
  }
  low = Math.max(low, lowest - 12);
  const pad = Math.max(2, (high - low) * 0.06, (20 - (high - low)) / 2);
  return [Math.max(0, low - pad), Math.min(100, high + pad)];
}

function ticksOf(low: number, high: number): number[] {
  const step = [2, 5, 10, 20, 25, 50].find((size) => (high - low) / size <= 4.5) ?? 50;
  const ticks: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) ticks.push(value);
  return ticks;
}

/** The point nearest to a place, if one is near. */
export function nearest(points: Point[], x: number, y: number, reach = 16): Point | null {
  let found: Point | null = null;
  let least = reach * reach;
  for (const point of points) {
    const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (distance <= least) {
      least = distance;
      found = point;
    }
  }
  return found;
}
