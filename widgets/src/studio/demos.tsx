import { useState } from "preact/hooks";
import { Act, Button } from "../kit/controls";
import { FieldForm, ReasonForm } from "../kit/form";
import { line, Pairs, plain, Text } from "../kit/text";
import type { Demo, Detail, PredictorDetail } from "../kit/types";
import type { Desk } from "./desk";
import { standing } from "./pane";

const WORDS = { kept: "kept by you", rejected: "rejected by you" };
const COLUMNS = 3;

export const demosOf = (detail: Detail): number => detail.predictors.reduce((sum, predictor) => sum + predictor.demos.length, 0);

/** Columns that fit: the first input and the last outputs say most; a click shows every field. */
function columnsOf({ inputs, outputs }: PredictorDetail): string[] {
  const all = [...inputs, ...outputs];
  return all.length <= COLUMNS ? all : [...inputs.slice(0, 1), ...outputs.slice(1 - COLUMNS)];
}

interface Props {
  desk: Desk;
  predictor: PredictorDetail;
  full?: boolean;
}

export function DemoTable({ desk, predictor, full }: Props) {
  const columns = full ? ["fields"] : columnsOf(predictor);
  if (!predictor.demos.length) return <p class="muted none">This prompt shows no demonstrations.</p>;
  return (
    <table class="demos num">
      <thead>
        <tr>
          <th>#</th>
          {columns.map((name) => (
            <th>{plain(name)}</th>
          ))}
          <th>from</th>
          <th>
            <span class="sr">actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {predictor.demos.map((demo) => (
          <DemoRow key={demo.id} desk={desk} demo={demo} predictor={predictor} columns={columns} full={full} />
        ))}
      </tbody>
    </table>
  );
}

function DemoRow({ desk, demo, predictor, columns, full }: Props & { demo: Demo; columns: string[] }) {
  const [mode, setMode] = useState("");
  const { id, number, fields, status, origin } = demo;
  const names = [...new Set([...predictor.inputs, ...predictor.outputs, ...Object.keys(fields)])].filter((name) => name in fields);
  const all = <Pairs rows={names.map((name) => [name, fields[name]])} />;
  const close = () => setMode("");
  const send = async (action: string, args: object) => (await desk.send(action, { demo: id, ...args }, id)) && close();
  const opens = (which: string) => ({ expanded: mode === which, onClick: () => setMode(mode === which ? "" : which) });
  const form = (action: string) => ({ action, id, busy: desk.busy(action, id), onCancel: close });
  return (
    <>
      <tr class={status ?? ""} data-kind="demo" data-id={id}>
        <td>{number}</td>
        {full ? (
          <td class="wide">{all}</td>
        ) : (
          columns.map((name, n) => (
            <td class={n === 0 ? "wide" : ""} title={plain(line(fields[name], 600))} onClick={opens("open").onClick}>
              <span class="clip">
                <Text>{line(fields[name])}</Text>
              </span>
            </td>
          ))
        )}
        <td>
          <span class={`tag ${status ?? ""}`}>{status ? WORDS[status] : origin === "human" ? "yours" : plain(origin)}</span>
        </td>
        <td class="act">
          {!desk.live ? null : status ? (
            <Button action="undo" id={id} busy={desk.busy("undo", id)} onClick={() => desk.undo(decisionOn(demo, desk), id)}>
              Undo
            </Button>
          ) : (
            <>
              <Act by={desk} action="keep-demo" args={{ demo: id }} id={id}>
                Keep
              </Act>{" "}
              <Button action="reject-demo" id={id} busy={desk.busy("reject-demo", id)} {...opens("reject")}>
                Reject
              </Button>{" "}
              <Button action="edit-demo" id={id} {...opens("edit")}>
                Edit
              </Button>
            </>
          )}
        </td>
      </tr>
      {mode !== "" && !(mode === "open" && full) && (
        <tr class="under">
          <td />
          <td colSpan={columns.length + 2}>
            {mode === "open" && all}
            {mode === "reject" && <ReasonForm {...form("reject-demo")} what={`demo ${number}`} onReject={(reason) => send("reject-demo", { reason })} />}
            {mode === "edit" && <FieldForm {...form("edit-demo")} names={names} fields={fields} save="Save demo" onSave={(edited) => send("edit-demo", { fields: edited, candidate: desk.row?.id })} />}
          </td>
        </tr>
      )}
    </>
  );
}

/** The standing decision on a demo: by its training example, or by the start of its id. */
const decisionOn = ({ status, number, id }: Demo, { run }: Desk): number | undefined =>
  standing(run.decisions, status === "kept" ? "keep-demo" : "reject-demo", `demo (${number}|${id.slice(0, 6)})`);
