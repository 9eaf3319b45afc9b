import { useState } from "preact/hooks";
import { Button, Notice, Tabs, type Tab } from "../kit/controls";
import { count, seconds, usd } from "../kit/format";
import { Long, Pairs, plain, Text } from "../kit/text";
import type { SpanRow } from "../kit/types";
import { code } from "./code";
import { callOf, fieldsOf } from "./tree";

interface Props {
  span: SpanRow;
  spans: SpanRow[];
  onKeep?: (span: SpanRow) => void;
  keeping?: boolean;
}

export function SpanPane({ span, spans, onKeep, keeping }: Props) {
  const [copied, setCopied] = useState<"" | "done" | "by hand">("");
  const from = fieldsOf(span, spans);
  const call = callOf(span, spans);
  const source = code(span);
  const step = from.kind === "predict" && from.outputs ? from : null;
  const filled = Object.keys(from.inputs ?? {}).length > 0 || from.outputs != null;
  const tabs: Tab[] = [];
  if (filled || !call) tabs.push({ id: "fields", name: "Fields" });
  if (call) tabs.push({ id: "messages", name: "Messages", count: call.messages?.length ?? 0 }, { id: "response", name: "Response" }, { id: "request", name: "Request" });
  const [tab, setTab] = useState(tabs[0].id);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(source!);
      setCopied("done");
      setTimeout(() => setCopied(""), 1500);
    } catch {
      setCopied("by hand"); // no clipboard outside https and localhost
    }
  };
  return (
    <div class="span-pane">
      <h3>
        {from !== span && (
          <>
            <Text>{from.name}</Text> →{" "}
          </>
        )}
        <Text>{span.name}</Text>
      </h3>
      <div class="muted num facts">{facts(span)}</div>
      <Notice said={span.error ? { text: span.error, bad: true } : null} />
      <Tabs label="What to see of this span" tabs={tabs} tab={tab} onTab={setTab} />
      <div class="body" role="tabpanel">
        {tab === "fields" && <SpanFields span={from} printed={span.printed ?? from.printed} />}
        {tab === "messages" && call && <Messages call={call} />}
        {tab === "response" && call && <Block text={call.response ?? ""} />}
        {tab === "request" && call && <Request call={call} />}
      </div>
      {(source || (onKeep && step)) && (
        <div class="row acts">
          {onKeep && step && (
            <Button action="keep-as-demo" id={step.id} busy={keeping} title="Add these inputs and outputs as a demo" onClick={() => onKeep(step)}>
              Keep as demo
            </Button>
          )}
          {source && (
            <Button title="Python that makes this call again" onClick={copy}>
              {copied === "done" ? "Copied" : "Copy as code"}
            </Button>
          )}
        </div>
      )}
      {copied === "by hand" && source && <textarea class="code" readOnly rows={8} aria-label="Code" value={source} />}
    </div>
  );
}

function facts(span: SpanRow): string {
  const { usage, request } = span;
  const said: string[] = [];
  if (usage) said.push(`${count(usage.prompt_tokens ?? 0)} in`, `${count(usage.completion_tokens ?? 0)} out`);
  said.push(seconds(span.seconds));
  if (span.cost) said.push(usd(span.cost));
  if (request?.temperature != null) said.push(`temperature ${request.temperature}`);
  if (span.cache === "hit") said.push("from the cache");
  if ((span.attempts ?? 1) > 1) said.push(`${span.attempts} attempts`);
  if (span.kind !== "lm") said.unshift(plain(span.label || span.kind));
  return said.join(" · ");
}

const Block = ({ text }: { text: string }) => (text ? <div class="m"><Long text={text} cut={6000} /></div> : <p class="muted none">Empty.</p>);

function SpanFields({ span, printed }: { span: SpanRow; printed: string | null | undefined }) {
  const inputs = Object.entries(span.inputs ?? {});
  const rows: [string, unknown][] = [...inputs, ...Object.entries(span.outputs ?? {})];
  const outputs = rows.length;
  if (printed) rows.push(["printed", printed]);
  if (!rows.length) return <p class="muted none">No fields.</p>;
  const kind = (n: number) => (n < inputs.length ? "input" : n < outputs ? "output" : undefined);
  return <Pairs class="m" rows={rows} term={(name, n) => <span title={kind(n)}>{plain(name)}</span>} />;
}

const Messages = ({ call }: { call: SpanRow }) => <Pairs class="m" cut={6000} rows={(call.messages ?? []).map(({ role, content }) => [role, content])} />;

function Request({ call }: { call: SpanRow }) {
  const rows: [string, unknown][] = [["model", call.name], ...Object.entries(call.request ?? {}).filter(([key]) => key !== "messages" && key !== "model")];
  if (call.cache) rows.push(["cache", call.cache]);
  if (call.attempts != null) rows.push(["attempts", call.attempts]);
  return <Pairs class="m" rows={rows} />;
}
