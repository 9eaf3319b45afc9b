import type { Row } from "../kit/types";

export interface Point {
  row: Row;
  x: number;
  y: number;
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
  best: Point | undefined;
  points: Point[];
  /** Where the last candidate stands, with a score or without. */
  end: number;
}

export const LEFT = 45;
const TOP = 22; // room for the words above the best
const RIGHT = 24;
export const MANY = 400; // from here on dots are small and pale: a cloud, not a wall
const STEP = 72; // widest distance between two candidates, so that a young run does not stretch over the whole panel

const round = (value: number): number => Math.round(value * 10) / 10;

/** Where everything of the score curve goes. Pure: rows in order of creation and a size in, paths and points out. `expected` candidates leave room. */
export function layout(rows: Row[], width: number, height: number, bestId: string | null = null, expected = 0): Curve {
  const scored = rows.filter((row) => row.score != null && (row.status === "scored" || (row.status === "dropped" && row.done >= row.total)));
  const [low, high] = range(scored);
  const step = Math.min(STEP, (width - LEFT - RIGHT) / Math.max(1, Math.max(rows.length, expected) - 1));
  const xOf = (number: number) => round(LEFT + number * step);
  const yOf = (score: number) => round(TOP + ((high - score) / (high - low)) * (height - 4 - TOP));
  const points = scored.map((row) => ({ row, x: xOf(row.number), y: yOf(row.score!) }));

  const leaders: Point[] = [];
  const humans: Point[] = [];
  const dots = new Set<string>();
  const dropped = new Set<string>();
  const many = scored.length > MANY;
  const grid = many ? 2 : 0.1; // of many dots, those on the same spot are drawn once
  const dot = many ? "h3v3h-3z" : "h0"; // and as squares: ten thousand round ones take three frames to paint
  const off = many ? 1.5 : 0;
  let top = -Infinity;
  for (const point of points) {
    const { row, x, y } = point;
    const out = row.status === "dropped";
    const leads = !out && row.score! > top;
    if (leads) top = row.score!;
    if (leads) leaders.push(point);
    if (row.human && !out) humans.push(point);
    else if (!leads) (out ? dropped : dots).add(`M${Math.round(x / grid) * grid - off} ${Math.round(y / grid) * grid - off}${dot}`);
  }

  const end = xOf(Math.max(0, rows.length - 1));
  let stairs = "";
  let over = "";
  let under = "Z";
  leaders.forEach(({ row, x, y }, n) => {
    const until = leaders[n + 1]?.x ?? Math.max(end, round(x + Math.min(24, step)));
    const [above, below] = [yOf(row.high ?? row.score!), yOf(row.low ?? row.score!)];
    stairs += `${n ? "V" : `M${x} `}${y}H${until}`;
    over += `${n ? "L" : "M"}${x} ${above}H${until}`;
    under = `L${until} ${below}H${x}${under}`;
  });
  // the run's word counts: ties and human decisions can make another one the best
  const best = points.find(({ row }) => row.id === bestId) ?? leaders.at(-1);
  const ticks = ticksOf(low, high).map((value) => ({ y: yOf(value), text: `${value}%` }));
  return { ticks, dots: [...dots].join(""), dropped: [...dropped].join(""), leaders, humans, stairs, band: over && over + under, best, points, end };
}

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
  const step = [2, 5, 10, 20, 25].find((size) => (high - low) / size <= 4.5) ?? 50;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, n) => (first + n) * step);
}

/** The point nearest to a place, if one is near. */
export function nearest(points: Point[], x: number, y: number, reach = 16): Point | undefined {
  let found: Point | undefined;
  let least = reach * reach;
  for (const point of points) {
    const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (distance > least) continue;
    least = distance;
    found = point;
  }
  return found;
}
