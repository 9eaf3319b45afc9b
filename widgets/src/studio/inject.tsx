import { useState } from "preact/hooks";
import { Button } from "../kit/controls";
import { Area, FieldForm, Form } from "../kit/form";
import { plain } from "../kit/text";
import type { PredictorDetail, Row } from "../kit/types";
import type { Desk } from "./desk";
import { slotOf } from "./prompt";

const KINDS = { instruction: "a new instruction", demo: "a new demo" };

/** A new instruction or a new demo from the person's own head. */
export function Inject({ desk, row, predictors }: { desk: Desk; row: Row; predictors: PredictorDetail[] }) {
  const [kind, setKind] = useState(desk.form === "demo" ? "demo" : "instruction");
  const [path, setPath] = useState(predictors[0]?.path ?? "");
  const [text, setText] = useState("");
  const predictor = predictors.find((one) => one.path === path) ?? predictors[0];
  if (!predictor) return null;
  const onCancel = () => desk.openForm("");
  const parent = row.status === "dropped" ? undefined : row.id; // a child of what one looks at, or else of the best
  const inject = async (args: object) => {
    if ((await desk.send("inject", { ...args, parent })) === undefined) return;
    onCancel();
    desk.say({ text: "Added. It is evaluated next.", bad: false });
  };
  const form = { action: "inject", id: kind, busy: desk.busy("inject"), onCancel };
  return (
    <section class="form inject" aria-label="Add an instruction or a demo">
      <div class="row">
        <b>Add to {parent ? `#${row.number}` : "the best"}</b>
        {Object.entries(KINDS).map(([name, words]) => (
          <Button class="chip" pressed={kind === name} onClick={() => setKind(name)}>
            {words}
          </Button>
        ))}
        {predictors.length > 1 && (
          <label>
            <span class="muted">for</span>{" "}
            <select value={predictor.path} onChange={(event) => setPath(event.currentTarget.value)}>
              {predictors.map((one) => (
                <option value={one.path}>{plain(one.path)}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      {kind === "instruction" ? (
        <Form {...form} save="Add as a candidate" disabled={!text.trim()} hint="It is evaluated next." onSave={() => inject({ instructions: { [slotOf(predictor)]: text } })}>
          <Area label="New instruction" lines={[4, 14]} placeholder="Say what the call does, as you would to a colleague." value={text} focus onText={setText} />
        </Form>
      ) : (
        <FieldForm
          {...form}
          key={predictor.path}
          names={[...predictor.inputs, ...predictor.outputs]}
          fields={{}}
          save="Add demo"
          onSave={(demo) => inject({ demo })}
        />
      )}
    </section>
  );
}
