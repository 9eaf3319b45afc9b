import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import type { Client } from "../kit/client";
import { Button, Tabs, Wait } from "../kit/controls";
import { isCut } from "../kit/form";
import { Say, type Doer, type Part } from "../kit/parts";

declare module "../kit/client" {
  interface Answers {
    span: { head: Part; tabs: [id: string, name: string, count: number | null, body: Part][]; acts: Part; code: string; name: string };
  }
}

/** Where a trace is looked at: whom to ask, by which arguments of the questions `trace` and `span`, and who carries out what can be done. */
export interface Place {
  client: Client;
  of: object;
  by?: Doer;
  /** What stands under the buttons. */
  under?: ComponentChildren;
}

/** What there is to see of a span. While one of its forms is open, that stands in the place of what it holds: nothing is printed twice. */
export function SpanPane({ client, of, by, under, span }: Place & { span: number }) {
  const [turn, setTurn] = useState(0); // asked again when something was done
  const [pane, problem] = useAsk(() => client.get("span", { ...of, span }), [span, turn, JSON.stringify(of)]);
  const [chosen, setTab] = useState("");
  if (problem || !pane) return <Wait problem={problem} />;
  const { tabs, name } = pane;
  const [tab, , , body] = tabs.find(([id]) => id === chosen) ?? tabs[0];
  const doer: Doer = {
    ...by!,
    send: async (...order) => {
      const got = await by!.send(...order);
      setTurn((before) => before + 1);
      return got;
    },
  };
  return (
    <div class="span-pane">
      <Say of={pane.head} by={doer} />
      {!(name && by?.open.endsWith(`:${name}`)) && (
        <>
          <Tabs label="What to see of this span" tabs={tabs.map(([id, name, count]) => ({ id, name, count }))} tab={tab} onTab={setTab} />
          <div class="body" role="tabpanel">
            <Say of={body} by={doer} />
          </div>
        </>
      )}
      <div class="row acts">
        <Say of={pane.acts} by={doer} />
        {pane.code && <Copy key={pane.code} text={pane.code} />}
      </div>
      {under}
    </div>
  );
}

function Copy({ text }: { text: string }) {
  const [copied, setCopied] = useState<"" | "done" | "by hand">("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied("done");
      setTimeout(() => setCopied(""), 1500);
    } catch {
      setCopied("by hand"); // no clipboard outside https and localhost
    }
  };
  return (
    <>
      <Button title="Python that makes this call again" onClick={copy}>
        {copied === "done" ? "Copied" : "Copy as code"}
      </Button>
      {isCut(text) && <span class="muted">The code is cut: it is too long for a panel. In Python, trace.to_code gives the whole.</span>}
      {copied === "by hand" && <textarea class="under code" readOnly rows={8} aria-label="Code" value={text} />}
    </>
  );
}
