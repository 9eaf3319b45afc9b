import { useState } from "preact/hooks";
import { Button, focusOnce, ReasonForm } from "../kit/controls";
import { line, Long, plain, Text } from "../kit/text";
import type { Demo, PredictorDetail } from "../kit/types";

export interface DemoActions {
  live: boolean;
  busy: (action: string, id?: string) => boolean;
  keep: (demo: Demo) => void;
  reject: (demo: Demo, reason: string | null) => Promise<unknown>;
  edit: (demo: Demo, fields: Record<string, string>) => Promise<unknown>;
  undo: (demo: Demo) => void;
}

const WORDS = { kept: "kept by you", rejected: "rejected by you" };
const COLUMNS = 3;

/** Columns that fit: the first input and the last outputs say most; a click shows every field. */
function columnsOf(predictor: PredictorDetail): string[] {
  const all = [...predictor.inputs, ...predictor.outputs];
  if (all.length <= COLUMNS) return all;
  return [...predictor.inputs.slice(0, 1), ...predictor.outputs.slice(-(COLUMNS - 1))];
}

export function DemoTable({ predictor, actions, full = false }: { predictor: PredictorDetail; actions: DemoActions; full?: boolean }) {
  const columns = columnsOf(predictor);
  if (!predictor.demos.length) return <p class="muted none">This prompt shows no demonstrations.</p>;
  return (
    <table class="demos num">
      <thead>
        <tr>
          <th>#</th>
          {full ? <th>fields</th> : columns.map((name) => <th>{plain(name)}</th>)}
          <th>from</th>
          <th>
            <span class="sr">actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {predictor.demos.map((demo) => (
          <DemoRow key={demo.id} demo={demo} predictor={predictor} columns={columns} actions={actions} full={full} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  demo: Demo;
  predictor: PredictorDetail;
  columns: string[];
  actions: DemoActions;
  full: boolean;
}

function DemoRow({ demo, predictor, columns, actions, full }: RowProps) {
  const [mode, setMode] = useState<"" | "open" | "reject" | "edit">("");
  const names = [...new Set([...predictor.inputs, ...predictor.outputs, ...Object.keys(demo.fields)])].filter((name) => name in demo.fields);
  const { busy } = actions;
  const close = () => setMode("");
  return (
    <>
      <tr class={demo.status ?? ""} data-kind="demo" data-id={demo.id}>
        <td>{demo.number}</td>
        {full ? (
          <td>
            <Fields names={names} fields={demo.fields} />
          </td>
        ) : (
          columns.map((name, n) => (
            <td class={n === 0 ? "wide" : ""} title={plain(line(demo.fields[name], 600))} onClick={() => setMode(mode === "open" ? "" : "open")}>
              <span class="clip">
                <Text>{line(demo.fields[name])}</Text>
              </span>
            </td>
          ))
        )}
        <td>
          <span class={`tag ${demo.status ?? ""}`}>{demo.status ? WORDS[demo.status] : demo.origin === "human" ? "yours" : plain(demo.origin)}</span>
        </td>
        <td class="act">
          {!actions.live ? null : demo.status ? (
            <Button action="undo" id={demo.id} busy={busy("undo", demo.id)} onClick={() => actions.undo(demo)}>
              Undo
            </Button>
          ) : (
            <>
              <Button action="keep-demo" id={demo.id} busy={busy("keep-demo", demo.id)} onClick={() => actions.keep(demo)}>
                Keep
              </Button>{" "}
              <Button action="reject-demo" id={demo.id} expanded={mode === "reject"} busy={busy("reject-demo", demo.id)} onClick={() => setMode(mode === "reject" ? "" : "reject")}>
                Reject
              </Button>{" "}
              <Button action="edit-demo" id={demo.id} expanded={mode === "edit"} onClick={() => setMode(mode === "edit" ? "" : "edit")}>
                Edit
              </Button>
            </>
          )}
        </td>
      </tr>
      {mode !== "" && !(mode === "open" && full) && (
        <tr class="under">
          <td />
          <td colSpan={(full ? 1 : columns.length) + 2}>
            {mode === "open" && <Fields names={names} fields={demo.fields} />}
            {mode === "reject" && (
              <ReasonForm
                what={`demo ${demo.number}`}
                action="reject-demo"
                id={demo.id}
                busy={busy("reject-demo", demo.id)}
                onReject={async (reason) => (await actions.reject(demo, reason)) && close()}
                onCancel={close}
              />
            )}
            {mode === "edit" && <FieldForm names={names} fields={demo.fields} action="edit-demo" id={demo.id} save="Save demo" busy={busy("edit-demo", demo.id)} onSave={async (fields) => (await actions.edit(demo, fields)) && close()} onCancel={close} />}
          </td>
        </tr>
      )}
    </>
  );
}

export function Fields({ names, fields }: { names: string[]; fields: Record<string, string> }) {
  return (
    <dl>
      {names.map((name) => (
        <>
          <dt>{plain(name)}</dt>
          <dd>
            <Long text={String(fields[name] ?? "")} />
          </dd>
        </>
      ))}
    </dl>
  );
}

interface FormProps {
  names: string[];
  fields: Record<string, string>;
  action: string;
  id?: string;
  save: string;
  busy: boolean;
  onSave: (fields: Record<string, string>) => void;
  onCancel: () => void;
}

/** One input a field. What was typed lives here and in no message, so nothing that arrives can overwrite it. */
export function FieldForm({ names, fields, action, id, save, busy, onSave, onCancel }: FormProps) {
  const [draft, setDraft] = useState<Record<string, string>>(() => Object.fromEntries(names.map((name) => [name, String(fields[name] ?? "")])));
  const changed = names.some((name) => draft[name] !== String(fields[name] ?? ""));
  return (
    <form
      class="form fields"
      onSubmit={(event) => {
        event.preventDefault();
        onSave(draft);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onCancel();
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) onSave(draft);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {names.map((name, n) => (
        <label>
          <span>{plain(name)}</span>
          <textarea
            data-field={name}
            rows={Math.min(8, 1 + Math.floor(draft[name].length / 90) + (draft[name].match(/\n/g)?.length ?? 0))}
            value={draft[name]}
            ref={n === 0 ? focusOnce : undefined}
            onInput={(event) => {
              const { value } = event.currentTarget;
              setDraft((before) => ({ ...before, [name]: value }));
            }}
          />
        </label>
      ))}
      <span class="row">
        <Button submit class="primary" action={action} id={id} busy={busy} disabled={!changed}>
          {save}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
        <span class="muted">Ctrl+Enter saves, Esc leaves.</span>
      </span>
    </form>
  );
}
