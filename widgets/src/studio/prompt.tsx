import { Diff } from "../kit/diff";
import { Area, Form } from "../kit/form";
import { Text } from "../kit/text";
import type { Detail, PredictorDetail, Row } from "../kit/types";
import { DemoTable } from "./demos";
import type { Desk } from "./desk";

export const slotOf = (predictor: PredictorDetail): string => `${predictor.path}.instructions`;

export function Prompt({ desk, row, detail }: { desk: Desk; row: Row; detail: Detail }) {
  const baseline = row.id === desk.run.baseline;
  const editing = desk.form === "edit";
  const leave = () => desk.openForm("");
  return (
    <>
      {detail.predictors.map((predictor, n) => {
        const { instructions, before, path, locked } = predictor;
        const slot = slotOf(predictor);
        const text = desk.drafts.get(slot) ?? instructions;
        const save = async () => {
          if ((await desk.send("edit", { candidate: row.id, slot, text }, slot)) === undefined) return;
          desk.setDraft(slot, null);
          leave();
          desk.say({ text: "Saved. The new candidate is evaluated next.", bad: false });
        };
        return (
          <section class="predictor" key={path}>
            <div class="diff-head">
              <Text>{path}</Text> · instruction{baseline || editing ? "" : before === instructions ? ", as in the baseline" : ", against baseline"}
            </div>
            {editing ? (
              <Form
                class="edit"
                action="edit"
                id={slot}
                save="Save as a new candidate"
                busy={desk.busy("edit", slot)}
                disabled={text === instructions || !text.trim()}
                hint="Ctrl+Enter saves, Esc leaves. It is evaluated next."
                onSave={save}
                onCancel={leave}
              >
                <Area label={`Instruction of ${path}`} data-slot={slot} value={text} lines={[4, 14]} focus={n === 0} onText={(next) => desk.setDraft(slot, next)} />
              </Form>
            ) : (
              <Diff before={baseline ? instructions : before} after={instructions} />
            )}
            {locked.length > 0 && (
              <p class="muted">
                locked: <Text>{locked.map((span) => `“${span}”`).join(", ")}</Text>
              </p>
            )}
            <h4>Demos in this prompt</h4>
            <DemoTable desk={desk} predictor={predictor} />
          </section>
        );
      })}
    </>
  );
}
