import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import { Act, Button, Notice } from "../kit/controls";
import { Diff } from "../kit/diff";
import { Area, Form, isCut } from "../kit/form";
import { plain, Text } from "../kit/text";
import type { Detail, Origin, PredictorDetail, Row } from "../kit/types";
import { nameOf } from "./against";
import { DemoTable } from "./demos";
import type { Desk } from "./desk";
import { rowOf } from "./state";

declare module "../kit/client" {
  interface Answers {
    provenance: Origin[];
  }
}

export const slotOf = (predictor: PredictorDetail): string => `${predictor.path}.instructions`;

/** The texts of a candidate as what they changed, who wrote each sentence, and what is fixed of them. */
export function Prompt({ desk, row, detail }: { desk: Desk; row: Row; detail: Detail }) {
  const [whence, setWhence] = useState(false);
  const [origins, lost] = useAsk(() => whence && desk.client.get("provenance", { candidate: row.id }).then((all) => ({ all, of: row.id })), [whence, row.id, desk.run.decisions.at(-1)?.id]);
  const same = { desk, row, origins: whence && origins?.of === row.id ? origins.all : null };
  const button = (
    <Button class="small" pressed={whence} title="Who wrote each sentence and demo" onClick={() => setWhence(!whence)}>
      Where from
    </Button>
  );
  const texts = detail.texts ?? [];
  return (
    <>
      <Notice said={lost ? { text: lost, bad: true } : null} />
      {detail.predictors.map((predictor, n) => {
        const demos = `${predictor.path}.demos`;
        return (
          <section class="predictor" key={predictor.path}>
            <Slot {...same} slot={slotOf(predictor)} name={predictor.path} what="instruction" text={predictor.instructions} before={predictor.before} locked={predictor.locked} pinned={predictor.pinned?.includes("instructions")} first={n === 0 && button} />
            <div class="slot-head">
              <h4>Demos in this prompt</h4>
              <Pin {...same} slot={demos} pinned={predictor.pinned?.includes("demos")} />
            </div>
            <DemoTable desk={desk} predictor={predictor} />
            <Origins {...same} slot={demos} />
          </section>
        );
      })}
      {texts.length > 0 && (
        <section class="predictor">
          <h4>Descriptions</h4>
          {texts.map((each) => (
            <Slot {...same} key={each.slot} what="description" name={each.slot} {...each} before={each.before ?? ""} />
          ))}
        </section>
      )}
    </>
  );
}

interface SlotProps {
  desk: Desk;
  row: Row;
  origins: Origin[] | null;
  slot: string;
  name: string;
  what: string;
  text: string;
  before: string;
  locked?: string[];
  pinned?: boolean;
  /** Of the first slot: a button for all of them. */
  first?: ComponentChildren;
}

/** One text of the prompt. */
function Slot({ desk, row, origins, slot, name, what, text, before, locked = [], pinned, first }: SlotProps) {
  const [locking, setLocking] = useState<string | null>(null);
  const baseline = row.id === desk.run.baseline && !desk.against;
  const editing = desk.form === "edit";
  const draft = desk.drafts.get(slot) ?? text;
  const leave = () => desk.openForm("");
  const save = async () => {
    if ((await desk.send("edit", { candidate: row.id, slot, text: draft }, slot)) === undefined) return;
    desk.setDraft(slot, null);
    leave();
    desk.say({ text: "Saved. The new candidate is evaluated next.", bad: false });
  };
  const lock = async (span: string) => (await desk.send("lock", { slot, text: span }, slot)) !== undefined && setLocking(null);
  const against = nameOf(desk, rowOf(desk.known, desk.against) ?? rowOf(desk.known, desk.run.baseline));
  return (
    <>
      <div class="slot-head">
        <span class="diff-head">
          <Text>{name}</Text> · {what}
          {baseline || editing ? "" : before === text ? `, as in ${against}` : `, against ${against}`}
        </span>
        {first}
        {desk.live && !editing && (
          <>
            <Button
              class="small"
              action="lock"
              id={slot}
              expanded={locking != null}
              busy={desk.busy("lock", slot)}
              title="Fix the selected words, or choose them here"
              onMouseDown={(event: MouseEvent) => event.preventDefault()} // else the selection goes
              onClick={(event: MouseEvent) => {
                const words = selected(event.currentTarget as HTMLElement);
                if (words) void lock(words);
                else setLocking(locking == null ? text : null);
              }}
            >
              Lock
            </Button>
            <Pin desk={desk} row={row} slot={slot} pinned={pinned} />
          </>
        )}
      </div>
      {editing ? (
        <Form class="edit" action="edit" id={slot} save="Save as a new candidate" busy={desk.busy("edit", slot)} disabled={draft === text || !draft.trim()} hint="Ctrl+Enter saves, Esc leaves. It is evaluated next." onSave={save} onCancel={leave}>
          <Area label={`${what} of ${name}`} data-slot={slot} value={draft} readOnly={isCut(text)} lines={[first ? 4 : 1, 14]} focus={!!first} onText={(next) => desk.setDraft(slot, next)} />
        </Form>
      ) : (
        <div class="words">
          <Diff before={baseline ? text : before} after={text} />
        </div>
      )}
      {locking != null && (
        <Form action="lock" id={slot} save="Lock these words" busy={desk.busy("lock", slot)} disabled={!locking.trim()} onSave={() => lock(locking)} onCancel={() => setLocking(null)}>
          <Area label={`Words to lock in ${name}`} data-field="lock" value={locking} lines={[2, 8]} focus onText={setLocking} />
        </Form>
      )}
      {locked.map((span) => (
        <p class="row muted" key={span} data-kind="lock" data-id={span}>
          <span>
            locked: “<Text>{span}</Text>”
          </span>
          {desk.live && (
            <Act by={desk} action="unlock" args={{ slot, text: span }} id={span} class="small">
              Unlock
            </Act>
          )}
        </p>
      ))}
      <Origins desk={desk} origins={origins} slot={slot} />
    </>
  );
}

/** Fixes a slot to this candidate's value, for every candidate to come. */
const Pin = ({ desk, row, slot, pinned }: { desk: Desk; row: Row; slot: string; pinned?: boolean }) =>
  desk.live ? (
    <Act
      by={desk}
      action={pinned ? "unpin" : "pin"}
      args={pinned ? { slot } : { slot, candidate: row.id }}
      id={slot}
      class="small"
      pressed={!!pinned}
      title={pinned ? undefined : "Candidates with another value are out"}
    >
      {pinned ? "Unpin" : "Pin"}
    </Act>
  ) : pinned ? (
    <span class="tag">pinned</span>
  ) : null;

function Origins({ desk, origins, slot }: { desk: Desk; origins: Origin[] | null; slot: string }) {
  const own = origins?.filter((one) => one.slot === slot);
  if (!own?.length) return null;
  return (
    <ol class="decisions" aria-label="Where it comes from">
      {own.map((one, n) => (
        <li key={n} data-kind="origin" data-id={n}>
          <span>
            <Text>{one.text}</Text>
          </span>
          <span>
            <span class={`tag ${one.by === "person" ? "human" : ""}`}>{plain(one.by === "person" ? "you" : one.by)}</span>{" "}
            <Button class="link" onClick={() => desk.select(desk.known.rows[one.candidate]?.id ?? null)}>
              #{one.candidate}
            </Button>{" "}
            <span class="muted">
              <Text>{one.how}</Text>
            </span>
          </span>
        </li>
      ))}
    </ol>
  );
}

/** The words that are selected in the text below this head, without those that are struck out. */
function selected(button: HTMLElement): string {
  const root = button.getRootNode() as Document & { getSelection?: () => Selection | null };
  const chosen = (root.getSelection?.() ?? document.getSelection()) as Selection | null;
  const place = button.parentElement?.nextElementSibling;
  if (!chosen?.rangeCount || chosen.isCollapsed || !place?.contains(chosen.getRangeAt(0).commonAncestorContainer)) return "";
  const copy = chosen.getRangeAt(0).cloneContents();
  for (const gone of copy.querySelectorAll("del")) gone.remove();
  return copy.textContent?.trim() ?? "";
}
