import { useEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import { Client, type ViewProps } from "../kit/client";
import { Wait } from "../kit/controls";
import { count, seconds } from "../kit/format";
import { keys } from "../kit/keys";
import { line, plain, Text } from "../kit/text";
import type { TraceData, TraceHead } from "../kit/types";
import { Virtual } from "../kit/virtual";
import { SpanPane } from "./span";
import { TraceView } from "./view";

/** One trace, or a list of them: heads come with the model, each trace is fetched when it is looked at. */
export function Traces({ model }: ViewProps) {
  const client = useRef<Client>();
  client.current ??= new Client(model);
  const [heads] = useState<TraceHead[]>(() => model.get("traces") ?? []);
  const [chosen, setChosen] = useState(Math.max(0, heads.length - 1));
  useEffect(() => () => client.current!.close(), []);
  const [got, problem] = useAsk(() => heads.length > 0 && client.current!.get("trace", { index: chosen }).then((trace) => ({ index: chosen, trace })), [chosen]);

  const body = problem || !got ? <Wait problem={problem} /> : null;
  if (!heads.length) return <div class="empty muted">No calls yet.</div>;
  if (heads.length === 1) return body ?? <TraceView trace={got!.trace} />;
  return <History heads={heads} chosen={chosen} onChoose={setChosen} body={body} trace={got?.trace ?? null} index={got?.index ?? -1} />;
}

const ROW = 42;

interface Props {
  heads: TraceHead[];
  chosen: number;
  onChoose: (index: number) => void;
  body: any;
  trace: TraceData | null;
  index: number;
}

function History({ heads, chosen, onChoose, body, trace, index }: Props) {
  const [filter, setFilter] = useState("");
  const words = filter.trim().toLowerCase();
  const rows = heads.map((head, n) => ({ head, n })).filter(({ head }) => !words || `${head.name} ${head.label} ${head.preview}`.toLowerCase().includes(words)).reverse();
  const at = rows.findIndex(({ n }) => n === chosen);
  const tokens = heads.reduce((sum, head) => sum + head.tokens, 0);
  const bad = heads.filter((head) => head.status !== "ok").length;
  const go = (to: number) => rows[to] && (() => onChoose(rows[to].n));
  return (
    <div class="trace history">
      <div class="trace-head">
        <b>History</b>
        <span class="muted num">
          {count(heads.length)} calls · {count(tokens)} tokens{bad ? ` · ${bad} did not go well` : ""}
        </span>
        <input type="search" aria-label="Filter calls" placeholder="Filter calls…" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      </div>
      <div class="trace-cols">
        <div class="tree num" tabIndex={0} onKeyDown={keys({ ArrowDown: go(at + 1), ArrowUp: go(at - 1) })}>
          <div class="tree-body" style={{ height: `${Math.min(Math.max(rows.length, 1), 10) * ROW + 2}px` }}>
            <Virtual
              label="Calls"
              count={rows.length}
              rowHeight={ROW}
              selected={at}
              row={(place, style) => {
                const { head, n } = rows[place];
                return (
                  <div key={n} class={`call${n === chosen ? " sel" : ""}${head.status === "ok" ? "" : " bad"}`} role="option" aria-selected={n === chosen} data-kind="trace" data-id={n} style={style} onClick={() => onChoose(n)}>
                    <span class="clip">
                      <Text>{head.name}</Text>
                      <span class={`k${head.status === "ok" ? "" : " err"}`}>{plain(head.label)}</span>
                    </span>
                    <span class="muted">{seconds(head.seconds)}</span>
                    <span class="clip muted how">
                      <Text>{line(head.preview, 120)}</Text>
                    </span>
                    <span class="muted how">{plain(head.time)}</span>
                  </div>
                );
              }}
            />
          </div>
          {!rows.length && <p class="muted none">Nothing matches.</p>}
        </div>
        <div class="span-side">{body ?? (trace!.spans.length === 1 ? <SpanPane key={index} span={trace!.spans[0]} spans={trace!.spans} /> : <TraceView key={index} trace={trace!} inside />)}</div>
      </div>
    </div>
  );
}
