import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { score } from "../kit/format";
import { layout, LEFT, MANY, nearest, type Point } from "./curve";
import { ended, type Known } from "./state";

const HEIGHT = 128;
const EDGE = 12; // words above the drawing

export function CurveView({ known, selected, onSelect }: { known: Known; selected: string | null; onSelect: (id: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1030);
  const [near, setNear] = useState<Point>();
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.max(260, Math.round(box.current!.clientWidth - 28)));
    const watch = new ResizeObserver(measure);
    watch.observe(box.current!);
    measure();
    return () => watch.disconnect();
  }, []);

  const { rows, run } = known;
  const expected = ended(run?.state) ? 0 : (run?.progress?.total ?? 0);
  const curve = useMemo(() => layout(rows, width, HEIGHT, run?.best, expected), [rows, width, run?.best, expected]);
  const { points, best, humans, end } = curve;
  const many = points.length > MANY;
  const at = (event: MouseEvent) => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    return nearest(points, event.clientX - frame.left, event.clientY - frame.top);
  };
  /** Words in the middle above or below a point, moved as far as the drawing's edges want it. */
  const words = (look: string, text: string, x: number, y: number) => {
    const half = text.length * 3.5;
    return (
      <text class={look} x={Math.min(Math.max(x, LEFT - 5 + half), width - half)} y={y} text-anchor="middle">
        {text}
      </text>
    );
  };
  const above = ({ y }: Point) => (y < 2 * EDGE + 2 ? EDGE : y - 10);
  const named = ({ row }: Point, more: string) => `#${row.number} · ${score(row.score)}%${more}`;
  const chosen = points.find(({ row }) => row.id === selected);
  const edit = humans.at(-1);
  const margin = best?.row.low != null && best.row.high != null ? ` ± ${((best.row.high - best.row.low) / 2).toFixed(1)}` : "";
  const low = best && best.y > HEIGHT - 40 ? EDGE : HEIGHT - 5; // where your edit is named: never where the best is
  const line = (y: number) => <line class="grid" x1={40} x2={width - 10} y1={y} y2={y} />;
  return (
    <div class="curve" ref={box}>
      <svg
        width={width}
        height={HEIGHT + 18}
        role="img"
        aria-label={best ? `Scores of ${points.length} candidates. Best: candidate ${best.row.number}, ${score(best.row.score)} percent.` : "No scores yet."}
        class={`${near ? "hot" : ""}${many ? " many" : ""}`}
        onMouseMove={(event) => setNear(at(event))}
        onMouseLeave={() => setNear(undefined)}
        onClick={(event) => {
          const point = at(event);
          if (point) onSelect(point.row.id);
        }}
      >
        {points.length > 0 &&
          curve.ticks.map(({ y, text }) => (
            <g>
              {line(y)}
              <text x={34} y={y + 4} text-anchor="end">
                {text}
              </text>
            </g>
          ))}
        {line(HEIGHT)}
        <path class="band" d={curve.band} />
        <path class="dots" d={curve.dots} />
        <path class="dots out" d={curve.dropped} />
        <path class="stairs" d={curve.stairs} />
        {curve.leaders.slice(-60).map((point) => (
          <circle class="lead" cx={point.x} cy={point.y} r={point === best ? 6 : many ? 2.5 : 5} />
        ))}
        {edit && edit !== best && (
          <>
            <path class="grid" d={`M${edit.x} ${edit.y}V${low - 11}`} />
            {words("edit-mark", "your edit", edit.x, low)}
          </>
        )}
        {humans.slice(-200).map(({ x, y }) => (
          <path class="human" d={`M${x - 6} ${y}l6 -6l6 6l-6 6z`} />
        ))}
        {chosen && <circle class="chosen" cx={chosen.x} cy={chosen.y} r={9} />}
        {best && words("best", named(best, margin), best.x, above(best))}
        {near && near !== best && words("best", named(near, near.row.status === "dropped" ? " · dropped" : ""), near.x, above(near))}
        {rows.length > 0 && words("", rows[0].origin === "baseline" ? "baseline" : "candidate 0", 0, HEIGHT + 14)}
        {end > LEFT + 120 && words("", `candidate ${rows.at(-1)!.number}`, end, HEIGHT + 14)}
        {!points.length && words("", rows.length ? "The first score is on its way." : "No candidate yet.", width / 2, HEIGHT / 2)}
      </svg>
    </div>
  );
}
