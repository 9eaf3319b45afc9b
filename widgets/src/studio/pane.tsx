import { Notice, Tabs, Wait } from "../kit/controls";
import { Say } from "../kit/parts";
import type { Row } from "../kit/types";
import type { Desk, Told } from "./desk";
import { ExampleTraces } from "./example_traces";
import { Examples } from "./examples";
import { Lineage } from "./lineage";

/** A candidate, as the kernel tells it: until it does, the one before stays, whole, with its buttons. */
export function Pane({ desk, row }: { desk: Desk; row: Row }) {
  const { told, tab } = desk;
  return (
    <div class="pane" aria-busy={told?.id !== row.id}>
      {told?.id ? <Head desk={desk} told={told} /> : <Notice said={desk.said} />}
      <div class="body" role="tabpanel" onMouseDown={(event) => lockOf(event) && event.preventDefault()} onClickCapture={(event) => lock(event, desk)}>
        {tab === "examples" ? (
          <Examples key={row.id} desk={desk} row={row} />
        ) : tab === "traces" ? (
          <ExampleTraces key={row.id} desk={desk} row={row} />
        ) : desk.problem || told?.tab !== tab ? (
          <Wait problem={desk.problem} />
        ) : told.own ? (
          <Lineage desk={desk} own={told.own} />
        ) : (
          <Say of={told.body} by={desk} />
        )}
      </div>
    </div>
  );
}

const Head = ({ desk, told }: { desk: Desk; told: Told }) => {
  const renew = () => desk.go!({ rows: desk.known.rows.length }); // others have come since the kernel said what there is to choose from
  return (
    <>
      <Say of={told.title} by={desk} />
      <div class="muted num facts">
        {told.choices.length > 0 && (
          <label class="row-end">
            against
            <select value={desk.against ?? told.choices.find(([id]) => !id || id === desk.run.baseline)?.[0]} onPointerEnter={renew} onFocus={renew} onChange={(event) => desk.setAgainst(event.currentTarget.value || null)}>
              {told.choices.map(([id, words]) => (
                <option value={id}>{words}</option>
              ))}
            </select>
          </label>
        )}
        <Say of={told.facts} by={desk} />
      </div>
      {!isOver(desk.open) && <Notice said={desk.said} onClose={() => desk.say(null)} />}
      <Say of={told.forms} by={desk} />
      <Tabs label="What to see of this candidate" tab={desk.tab} onTab={desk.setTab} tabs={told.tabs} />
    </>
  );
};

/** A form about the run is open: what came of it is said beside it, over the candidates. */
export const isOver = (open: string): boolean => /^(export|raise)/.test(open);

const lockOf = (event: Event) => (event.target as Element).closest<HTMLElement>(".slot-head [data-action=lock]");

/** Locks the words that are selected in the text below the button, without those that are struck out; else the button opens its form. */
function lock(event: Event, desk: Desk) {
  const button = lockOf(event);
  const root = button?.getRootNode() as (Document & { getSelection?: () => Selection | null }) | undefined;
  const chosen = (root?.getSelection?.() ?? document.getSelection()) as Selection | null;
  if (!button || !chosen?.rangeCount || !button.parentElement!.nextElementSibling!.contains(chosen.getRangeAt(0).commonAncestorContainer)) return;
  const copy = chosen.getRangeAt(0).cloneContents();
  copy.querySelectorAll("del").forEach((gone) => gone.remove());
  const text = copy.textContent!.trim();
  if (!text) return;
  event.stopPropagation();
  void desk.send("lock", { slot: button.dataset.id, text }, button.dataset.id);
}
