import { useState } from "preact/hooks";
import { Button } from "../kit/controls";
import { FormRow } from "../kit/form";
import { plain } from "../kit/text";
import type { Desk } from "./desk";

/** TicketRouter -> ticket_router: a name that Python can import. */
const fileName = (program: string): string => program.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/\W+/g, "_").toLowerCase().replace(/^(?=\d)|^$/, "program_");

export function ExportForm({ desk, onClose }: { desk: Desk; onClose: () => void }) {
  const base = fileName(desk.run.program);
  const busy = desk.busy("export");
  const line = (format: string, words: string, ending: string) => {
    const [path, setPath] = useState(`${base}.${ending}`);
    const save = async () => {
      const done = await desk.send("export", { format, path: path.trim() });
      if (done === undefined) return;
      onClose();
      desk.say({ text: `Saved as ${plain(done.path ?? path)}`, bad: false });
    };
    return (
      <form class="export-line" onSubmit={(event) => (event.preventDefault(), save())}>
        <FormRow label={words}>
          <input type="text" value={path} spellcheck={false} onInput={(event) => setPath(event.currentTarget.value)} />
        </FormRow>
        <Button submit action="export" data-format={format} busy={busy} disabled={!path.trim()}>
          Save
        </Button>
      </form>
    );
  };
  return (
    <div class="form export" role="dialog" aria-label="Export the program" onKeyDown={(event) => event.key === "Escape" && (event.stopPropagation(), onClose())}>
      <span class="muted">Save the {desk.run.accepted ? "accepted" : "best"} candidate as</span>
      {line("json", "JSON program", "json")}
      {line("python", "Python module", "py")}
    </div>
  );
}
