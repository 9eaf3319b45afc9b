import { useEffect, useRef, useState } from "preact/hooks";
import { Client, type ViewProps } from "../kit/client";
import { Notice, useCommands } from "../kit/controls";
import { count, plural } from "../kit/format";
import { line, plain, Text } from "../kit/text";
import { Box } from "./box";
import { TraceView } from "./view";

/** One line of a list of traces; the trace itself is asked for when it is looked at. */
interface Head {
  id: number;
  name: string;
  label: string;
  took: string;
  tokens: number;
  time: string | null;
  status: "ok" | "error" | "unparsed";
  preview: string;
}

interface Calls {
  heads: Head[];
  /** The oldest that the kernel holds. */
  first: number;
}

declare module "../kit/client" {
  interface Answers {
    heads: Calls;
  }
}

/** One trace, or a list of them: heads come with the model and, of a live history, while calls are made. */
export function Traces({ model, root }: ViewProps) {
  const live: boolean = model.get("live");
  const [heads, setHeads] = useState<Head[]>(() => model.get("traces") ?? []);
  const [chosen, setChosen] = useState(heads.at(-1)?.id ?? -1);
  const [filter, setFilter] = useState("");
  const own = useRef<Client>();
  const take = ({ heads: news, first }: Calls) => {
    if (news.length) setHeads((old) => [...old.filter(({ id }) => id >= first && id < news[0].id), ...news]);
    setChosen((now) => (now < 0 ? (news.at(-1)?.id ?? now) : now));
  };
  const client = (own.current ??= new Client(model, (message) => message.type === "calls" && take(message)));
  const by = useCommands(client, root, model);
  useEffect(() => {
    root.dataset.state = live ? "running" : "finished";
    if (live) {
      client.hello().catch(() => {});
      client.get("heads", { after: -1 }).then(take, () => {});
    }
    return () => client.close();
  }, []);

  if (!heads.length) return <div class="empty muted">{live ? "No calls yet. They appear here while they are made." : "No calls."}</div>;
  const many = live || heads.length > 1;
  const trace = <TraceView key={chosen} client={client} of={{ index: chosen }} by={by} inside={many} under={<Notice said={by.said} onClose={() => by.say(null)} />} />;
  if (!many) return trace;
  const words = filter.trim().toLowerCase();
  const bad = heads.filter((head) => head.status !== "ok").length;
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
            {plural(heads.length, "call")} · {count(heads.reduce((sum, head) => sum + head.tokens, 0))} tokens{bad ? ` · ${bad} did not go well` : ""}
          </span>
        </>
      }
      side={<div class="span-side">{trace}</div>}
      what="calls"
      filter={filter}
      onFilter={setFilter}
      label="Calls"
      kind="trace"
      rows={heads.filter(({ name, label, preview }) => `${name} ${label} ${preview}`.toLowerCase().includes(words)).reverse()}
      rowHeight={42}
      most={10}
      chosen={chosen}
      onChoose={setChosen}
      draw={({ name, label, status, took, time, preview }) => {
        const bad = status === "ok" ? "" : " bad";
        return [
          { class: `call${bad}`, role: "option" },
          <span class="clip">
            <Text>{name}</Text>
            <span class={bad ? "k err" : "k"}>{plain(label)}</span>
          </span>,
          <span class="muted">{took}</span>,
          <span class="clip muted how">
            <Text>{line(preview, 120)}</Text>
          </span>,
          <span class="muted how">{plain(time)}</span>,
        ];
      }}
    />
  );
}
