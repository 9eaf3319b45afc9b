import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { score } from "../kit/format";
import { labels, layout, LEFT, MANY, nearest, type Label, type Point } from "./curve";
import { ended, rowOf, type Known } from "./state";

const HEIGHT = 128;

const words = (look: string, text: string, at: Label | undefined) =>
  at && (
    <text class={look} x={at.x} y={at.y} text-anchor={at.left ? "end" : "start"}>
      {text}
    </text>
  );

export function CurveView({ known, selected, onSelect }: { known: Known; selected: string | null; onSelect: (id: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1030);
  const [near, setNear] = useState<Point | null>(null);
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.max(260, Math.round(box.current!.clientWidth - 28)));
    const watch = new ResizeObserver(measure);
    watch.observe(box.current!);
    measure();
    return () => watch.disconnect();
  }, []);

  const best = known.run?.best ?? null;
  const { state, progress } = known.run ?? {};
  const expected = ended(state) ? 0 : (progress?.total ?? 0);
  const curve = useMemo(() => layout(known.rows, width, HEIGHT, best, expected), [known.rows, width, best, expected]);
  const many = curve.points.length > MANY;
  const at = (event: MouseEvent) => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    return nearest(curve.points, event.clientX - frame.left, event.clientY - frame.top);
  };
  const chosen = curve.points.find((point) => point.id === selected);
  const top = curve.best;
  const label = top ? `#${top.number} · ${score(top.score)}%${top.margin == null ? "" : ` ± ${top.margin.toFixed(1)}`}` : "";
  const beside = labels(top, label, curve.humans.at(-1), width, HEIGHT);
  const told = near && rowOf(known, near.id);
  const tip = told ? `#${told.number} · ${score(told.score)}%${told.status === "dropped" ? " · dropped" : ""}` : "";
  return (
    <div class="curve" ref={box}>
      <svg
        width={width}
        height={HEIGHT + 18}
        role="img"
        aria-label={top ? `Scores of ${curve.points.length} candidates. Best: candidate ${top.number}, ${score(top.score)} percent.` : "No scores yet."}
        class={`${near ? "hot" : ""}${many ? " many" : ""}`}
        onMouseMove={(event) => setNear(at(event))}
        onMouseLeave={() => setNear(null)}
        onClick={(event) => {
          const point = at(event);
          if (point) onSelect(point.id);
        }}
      >
        {curve.points.length > 0 && curve.ticks.map((tick) => (
          <g>
            <line class="grid" x1={40} x2={width - 10} y1={tick.y} y2={tick.y} />
            <text x={34} y={tick.y + 4} text-anchor="end">
              {tick.text}
            </text>
          </g>
        ))}
        <line class="grid" x1={40} x2={width - 10} y1={HEIGHT} y2={HEIGHT} />
        <path class="band" d={curve.band} />
        <path class="dots" d={curve.dots} />
        <path class="dots out" d={curve.dropped} />
        <path class="stairs" d={curve.stairs} />
        {curve.leaders.slice(-60).map((point) => (
          <circle class="lead" cx={point.x} cy={point.y} r={top && point.id === top.id ? 6 : many ? 2.5 : 5} />
        ))}
        {curve.humans.slice(-200).map((point) => (
          <path class="human" d={`M${point.x - 6} ${point.y}l6 -6l6 6l-6 6z`} />
        ))}
        {words("edit-mark", "your edit", beside.edit)}
        {chosen && <circle class="chosen" cx={chosen.x} cy={chosen.y} r={9} />}
        {words("best", label, beside.best)}
        {near && near.id !== top?.id && (
          <text class="best" x={near.x} y={near.y > 26 ? near.y - 10 : near.y + 20} text-anchor={near.x > width - 90 ? "end" : near.x < 90 ? "start" : "middle"}>
            {tip}
          </text>
        )}
        {known.rows.length > 0 && (
          <text x={LEFT} y={HEIGHT + 14} text-anchor={known.rows.length > 1 ? "start" : "start"}>
            {known.rows[0].origin === "baseline" ? "baseline" : `candidate ${known.rows[0].number}`}
          </text>
        )}
        {curve.last && curve.last.x > LEFT + 120 && (
          <text x={curve.last.x} y={HEIGHT + 14} text-anchor={curve.last.x > width - 60 ? "end" : "middle"}>
            candidate {curve.last.number}
          </text>
        )}
        {!curve.points.length && (
          <text x={width / 2} y={HEIGHT / 2 + 4} text-anchor="middle">
            {known.rows.length ? "The first score is on its way." : "No candidate yet."}
          </text>
        )}
      </svg>
    </div>
  );
}
