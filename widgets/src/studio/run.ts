import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { Client, type Model } from "../kit/client";
import type { Row } from "../kit/types";
import { addRows, apply, nothing, take, type Known } from "./state";

const PAGE = 1000;

type Incoming = { snapshot: any; force?: boolean } | { delta: any } | { rows: Row[] };

function reduce(known: Known, message: Incoming): Known {
  if ("delta" in message) return apply(known, message.delta);
  if ("rows" in message) return addRows(known, message.rows);
  return take(known, message.snapshot, message.force);
}

/** The run as the kernel tells it: first the trait, then deltas, and the whole again when one is missing. `onDeaf` is told when the kernel does not
 * hear that somebody looks. */
export function useRun(model: Model, onDeaf: (words: string) => void): [Known, Client] {
  const [known, tell] = useReducer(reduce, nothing, (empty) => take(empty, model.get("snapshot"))); // the first frame is whole
  const client = useRef<Client>();
  if (!client.current)
    client.current = new Client(model, (message) => {
      if (message?.type === "delta") tell({ delta: message });
      else if (message?.type === "snapshot") tell({ snapshot: message.snapshot, force: true });
    });
  useLayoutEffect(() => {
    // in the layout: what any part of the panel asks for is asked in an effect, and so after this
    client.current!.hello().catch((error) => onDeaf(error.message));
    return () => client.current!.close();
  }, []);
  useEffect(() => {
    const update = () => tell({ snapshot: model.get("snapshot") });
    update();
    model.on("change:snapshot", update);
    return () => model.off("change:snapshot", update);
  }, []);
  useEffect(() => {
    if (known.gap) client.current!.resend().catch(() => {});
  }, [known.gap]);
  const have = known.fresh;
  const missing = (known.run?.candidates_total ?? 0) > have;
  useEffect(() => {
    if (missing) client.current!.get("candidates", { offset: have, limit: PAGE }).then((page) => tell({ rows: page.rows }), () => {});
  }, [missing, have]);
  return [known, client.current];
}
