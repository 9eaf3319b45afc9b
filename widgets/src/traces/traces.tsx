import { useEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import { Client, type ViewProps } from "../kit/client";
import { useCommands, Wait } from "../kit/controls";
import { count, plural, seconds } from "../kit/format";
import { line, plain, Text } from "../kit/text";
import type { TraceData, TraceHead } from "../kit/types";
import { useWord } from "../kit/virtual";
import type { Deed } from "./acts";
import { Box } from "./box";
import { SpanPane } from "./span";
import { TraceView } from "./view";

declare module "../kit/client" {
  interface Answers {
    heads: Calls;
  }
}

interface Calls {
  heads: TraceHead[];
  /** The oldest that the kernel holds. */
  first: number;
}

/** One trace, or a list of them: heads come with the model (and, of a live history, while calls are made), each trace is fetched when it is looked at. */
export function Traces({ model, root }: ViewProps) {
  const live: boolean = model.get("live");
  const [heads, setHeads] = useState<TraceHead[]>(() => model.get("traces") ?? []);
  const [chosen, setChosen] = useState(heads.at(-1)?.id ?? -1);
  const client = useRef<Client>();
  const take = ({ heads: news, first }: Calls) => {
    if (news.length) setHeads((old) => [...old.filter(({ id }) => id >= first && id < news[0].id), ...news]);
    setChosen((now) => (now < 0 ? (news.at(-1)?.id ?? now) : now));
  };
  client.current ??= new Client(model, (message) => message.type === "calls" && take(message));
  const by = useCommands(client.current!, root, model);
  useEffect(() => {
    root.dataset.state = live ? "running" : "finished";
    if (live) {
      client.current!.hello().catch(() => {});
      client.current!.get("heads", { after: -1 }).then(take, () => {});
    }
    return () => client.current!.close();
  }, []);
  const [got, problem] = useAsk(() => chosen >= 0 && client.current!.get("trace", { index: chosen }).then((trace) => ({ index: chosen, trace })), [chosen]);

  if (!heads.length) return <div class="empty muted">{live ? "No calls yet. They appear here while they are made." : "No calls."}</div>;
  const body = problem || !got ? <Wait problem={problem} /> : null;
  const deed = got && { by, index: got.index, live: !!got.trace.live };
  if (heads.length === 1 && !live) return body ?? <TraceView trace={got!.trace} deed={deed!} />;
  return <History heads={heads} live={live} chosen={chosen} onChoose={setChosen} body={body} trace={got?.trace ?? null} deed={deed!} />;
}

const ROW = 42;

interface Props {
  heads: TraceHead[];
  chosen: number;
  onChoose: (index: number) => void;
  body: any;
  trace: TraceData | null;
  deed: Deed;
  live: boolean;
}

function History({ heads, chosen, onChoose, body, trace, deed, live }: Props) {
  const [filter, setFilter] = useState("");
  const word = useWord();
  const words = filter.trim().toLowerCase();
  const rows = heads.filter((head) => !words || `${head.name} ${head.label} ${head.preview}`.toLowerCase().includes(words)).reverse();
  const at = rows.findIndex(({ id }) => id === chosen);
  const tokens = heads.reduce((sum, head) => sum + head.tokens, 0);
  const bad = heads.filter((head) => head.status !== "ok").length;
  const go = (to: number) => rows[to] && (() => onChoose(rows[to].id));
  return (
    <Box
      head={
        <>
          <b>History</b>
          {live && (
            <span class="state running">
              <span class="dot" />
              live
            </span>
          )}
          <span class="muted num" role="status">
            {plural(heads.length, "call")} · {count(tokens)} tokens{bad ? ` · ${bad} did not go well` : ""}
          </span>
        </>
      }
      what="calls"
      filter={filter}
      onFilter={setFilter}
      label="Calls"
      count={rows.length}
      rowHeight={ROW}
      most={10}
      selected={at}
      active={at >= 0 ? `${word}-${chosen}` : undefined}
      gestures={{ ArrowDown: go(at + 1), ArrowUp: go(at - 1) }}
      row={(place, style) => {
        const { id, name, label, status, ...head } = rows[place];
        const fine = status === "ok";
        return (
          <div key={id} id={`${word}-${id}`} class={`call${id === chosen ? " sel" : ""}${fine ? "" : " bad"}`} role="option" aria-selected={id === chosen} data-kind="trace" data-id={id} style={style} onClick={() => onChoose(id)}>
            <span class="clip">
              <Text>{name}</Text>
              <span class={fine ? "k" : "k err"}>{plain(label)}</span>
            </span>
            <span class="muted">{seconds(head.seconds)}</span>
            <span class="clip muted how">
              <Text>{line(head.preview, 120)}</Text>
            </span>
            <span class="muted how">{plain(head.time)}</span>
          </div>
        );
      }}
      side={<div class="span-side">{body ?? (trace!.spans.length === 1 ? <SpanPane key={deed.index} span={trace!.spans[0]} spans={trace!.spans} deed={deed} /> : <TraceView key={deed.index} trace={trace!} inside deed={deed} />)}</div>}
    />
  );
}
