import type { Model } from "./kit/client";

/** Brings the notebook's outputs that are the place `token` to the report the kernel published for them, and says whether the report stands in one.
 *
 * JupyterLab knows an output by its display id only as long as its page is not loaded again; after that what the kernel publishes for the output no
 * longer arrives. The widget manager does know the notebook, so the output is set in it; where it does not (classic notebooks), outputs stay. */
export function settle(model: Model, token: string, report: Record<string, string>): boolean {
  const name = `lmnb-mount-${token}`;
  const cells = model.widget_manager?.context?.model?.cells ?? [];
  let stands = false;
  for (const { outputs } of cells) {
    for (let n = 0; n < (outputs?.length ?? 0); n++) {
      const output = outputs.get(n).toJSON();
      const html = [output.data?.["text/html"]].flat().join("");
      stands ||= html.includes(name) || html === report["text/html"];
      if (html.includes(name) && html !== report["text/html"]) outputs.set(n, { ...output, data: report });
    }
  }
  return stands;
}
