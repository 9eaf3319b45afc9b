import { useState } from "preact/hooks";
import { Button, Wait } from "../kit/controls";
import { count } from "../kit/format";
import { usePages } from "../kit/pages";
import { LineTable, type Lines } from "../kit/table";
import type { Row } from "../kit/types";
import type { Desk } from "./desk";
import { versionOf } from "./state";

declare module "../kit/client" {
  interface Answers {
    "example-rows": Lines & { kinds: [only: string, words: string, count: number | null][] };
  }
}

/** The examples of the evaluation set, as this candidate answered them, beside any other candidate. */
export function Examples({ desk: { client, run, showTrace, ...desk }, row }: { desk: Desk; row: Row }) {
  const candidate = row.id;
  const [only, setOnly] = useState("");
  const against = [desk.against, run.baseline].find((one) => one && one !== candidate) ?? null;
  const query = { candidate, against, only };
  const [page, problem, next] = usePages((offset) => client.get("example-rows", { ...query, offset }), JSON.stringify([query, versionOf(row)]));
  if (problem || !page) return <Wait problem={problem} />;
  return (
    <div class="examples">
      <div class="row filters" role="group" aria-label="Show only">
        {page.kinds.map(([key, words, n]) => (
          <Button class="chip" data-only={key} pressed={only === key} onClick={() => setOnly(key)}>
            {words}
            {n != null && <span class="num"> {count(n)}</span>}
          </Button>
        ))}
      </div>
      {page.rows.length ? (
        <LineTable class="ex-table" label="Examples" kind="example" page={page} onOpen={({ id }) => showTrace(Number(id))} onEnd={next} />
      ) : (
        <p class="muted none">{only ? "No such example." : "No example was answered yet."}</p>
      )}
    </div>
  );
}
