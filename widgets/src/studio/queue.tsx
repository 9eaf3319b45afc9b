import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { Button } from "../kit/controls";
import { FieldForm, ReasonForm } from "../kit/form";
import { duration } from "../kit/format";
import type { Gestures } from "../kit/keys";
import { Muted, Pairs, plain, Text } from "../kit/text";
import type { PendingItem } from "../kit/types";
import type { Desk } from "./desk";
import { useClock } from "./header";
import { rowOf } from "./state";

/** What waits at the run's gates: one item at a time, and what its keys do. */
export function useQueue(pending: PendingItem[] | undefined, send: Desk["send"], setForm: (form: "" | "reject" | "edit") => void) {
  const [at, setAt] = useState("");
  const [done, setDone] = useState<string[]>([]); // answered, before the kernel's next message is here: a second A is about nothing
  const left = pending?.filter((one) => !done.includes(one.id)) ?? [];
  const place = Math.max(0, left.findIndex((one) => one.id === at));
  const item = left[place];
  useLayoutEffect(() => setForm(""), [item?.id]); // not after the paint: a key for the item that is shown already would be lost
  useEffect(() => setDone((before) => before.filter((id) => pending?.some((one) => one.id === id))), [pending]);
  const skip = () => setAt(left[(place + 1) % left.length].id);
  const answer = async (action: string, args: object) => {
    if ((await send(action, args, item.id)) !== undefined) setDone((before) => [...before, item.id]); // no form is closed: it may be that of the next item
  };
  const accept = () => answer("accept", { candidate: item.id });
  const gestures: Gestures = pending?.length ? { a: item && accept, x: item && (() => setForm("reject")), e: item && (() => setForm("edit")), " ": item && skip } : {};
  return { item, place, all: left.length, skip, answer, accept, gestures };
}

interface Props extends ReturnType<typeof useQueue> {
  desk: Desk;
  form: string;
  setForm: (form: "" | "reject" | "edit") => void;
}

export function Queue({ desk, item, place, all, form, setForm, skip, answer, accept }: Props) {
  const { known, busy } = desk;
  const { id, kind, label, slot, values } = item;
  const row = rowOf(known, id);
  const close = () => setForm("");
  const more = { id, onCancel: close };
  const opens = (which: "reject" | "edit") => ({ id, expanded: form === which, onClick: () => setForm(form === which ? "" : which) });
  const edit = kind === "demo" ? "edit-demo" : "edit";
  return (
    <section class="queue" aria-label="Waits for your answer" data-kind="pending" data-id={id}>
      <div class="title">
        <h3>
          {plain(kind[0]?.toUpperCase() + kind.slice(1))} {place + 1} of {all} waits for your answer
        </h3>
        <Countdown desk={desk} />
        {desk.live && (
          <span class="actions">
            <Button action="accept" id={id} busy={busy("accept", id)} shortcut="A" class="good" title="Let it go on" onClick={accept}>
              Accept
            </Button>
            <Button action="reject" {...opens("reject")} busy={busy("reject", id)} shortcut="X" class="bad">
              Reject
            </Button>
            <Button action={edit} {...opens("edit")} shortcut="E">
              Edit
            </Button>
            <Button action="skip" id={id} shortcut="Space" disabled={all < 2} onClick={skip}>
              Skip
            </Button>
          </span>
        )}
      </div>
      <div class="muted">
        <Text>{label}</Text>
        {slot && <> · {plain(slot)}</>}
        {row && (
          <>
            {" · "}
            <Button class="link" onClick={() => desk.select(id)}>
              show #{row.number}
            </Button>
          </>
        )}
      </div>
      {form === "reject" && <ReasonForm {...more} action="reject" what={`this ${kind}`} busy={busy("reject", id)} onReject={(reason) => answer("reject", { candidate: id, reason })} />}
      {form === "edit" ? (
        <FieldForm
          {...more}
          key={id}
          action={edit}
          names={Object.keys(values)}
          fields={values}
          save="Save and let it go on"
          busy={busy(edit, id)}
          onSave={(fields) => answer(edit, kind === "demo" ? { demo: id, fields } : { candidate: id, slot: fields })}
        />
      ) : (
        <Pairs rows={Object.entries(values)} class="m" />
      )}
    </section>
  );
}

/** When what waits goes on by itself, in words. */
function Countdown({ desk: { run } }: { desk: Desk }) {
  const { timeout, left } = run.review ?? {};
  const passed = useClock(left != null, run.seq);
  if (!timeout) return null;
  return <Muted>{left == null ? "the countdown is held: resume to let it go on" : `goes on by itself in ${duration(Math.max(0, left - passed))}; pause holds it`}</Muted>;
}
