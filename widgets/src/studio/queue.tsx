import { useEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import { Button, Wait, type Commands } from "../kit/controls";
import type { Gestures } from "../kit/keys";
import { type Doer, type Part, Say } from "../kit/parts";
import { plain } from "../kit/text";
import type { PendingItem } from "../kit/types";
import type { Desk } from "./desk";

declare module "../kit/client" {
  interface Answers {
    pending: { actions: Part; body: Part };
  }
}

const CALM = 1500; // ms

/** What waits at the run's gates: one item at a time, and what its keys do. `by` answers it; its forms are its own, as the candidate's may be open too. */
export function useQueue(pending: PendingItem[] | undefined, asks: boolean, commands: Commands) {
  const [at, setAt] = useState("");
  const [open, setOpen] = useState("");
  const [done, setDone] = useState<string[]>([]); // answered, before the kernel's next message is here: a second A is about nothing
  const left = pending?.filter((one) => !done.includes(one.id)) ?? [];
  const place = Math.max(0, left.findIndex((one) => one.id === at));
  const item = left[place];
  useEffect(() => setDone((before) => before.filter((id) => pending?.some((one) => one.id === id))), [pending]);
  const skip = () => setAt(left[(place + 1) % left.length].id);
  const send: Commands["send"] = async (action, args, id) => {
    const came = await commands.send(action, args, id);
    if (came !== undefined) setDone((before) => [...before, item.id]);
    return came;
  };
  const { id } = item ?? {};
  const heard = useRef(-CALM);
  const only = (does: false | null | undefined | (() => unknown)) => () => ((heard.current = performance.now()), does && does());
  /** Of a key that was meant for what waits, and is pressed on when nothing will any more: it does nothing until it was left alone. */
  const calm = (does: () => unknown) => () => (performance.now() - heard.current < CALM ? only(null)() : does());
  const gestures: Gestures =
    asks || pending?.length
      ? {
          a: only(item && (() => send("accept", { candidate: id }, id))),
          x: only(item && (() => setOpen(`reject:${id}`))),
          e: only(item && (() => setOpen(`${item.edit}:${id}`))),
          " ": only(item && skip),
        }
      : {};
  return { item, calm, place, all: left.length, skip, by: { ...commands, send, open, setOpen } as Doer, gestures };
}

/** Between two items: the place stays, so that nothing else comes under the pointer. */
export const NoneWaits = () => (
  <section class="queue" aria-label="Waits for your answer">
    <div class="title">
      <h3 class="muted">Nothing waits for your answer now</h3>
    </div>
  </section>
);

export function Queue({ desk, item: { id, what }, place, all, skip, by: doer }: ReturnType<typeof useQueue> & { desk: Desk }) {
  const [got, problem] = useAsk(() => desk.client.get("pending", { id }).then((one) => ({ ...one, id })), [id]);
  const told = got?.id === id && got;
  const by: Doer = { ...doer, go: (to) => desk.select(to.candidate) };
  return (
    <section class="queue" aria-label="Waits for your answer" data-kind="pending" data-id={id}>
      <div class="title">
        <h3>
          {plain(what)} {place + 1} of {all} waits for your answer
        </h3>
        <Say of={desk.run.countdown} by={by} />
        <span class="actions">
          {told && <Say of={told.actions} by={by} />}
          <Button action="skip" id={id} shortcut="Space" disabled={all < 2} onClick={skip}>
            Skip
          </Button>
        </span>
      </div>
      {told ? <Say of={told.body} by={by} /> : <Wait problem={problem} />}
    </section>
  );
}
