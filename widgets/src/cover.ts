import type { Model } from "./kit/client";

/** marimo draws a view in a shadow root, beside the static form in the same output. Once a kernel has answered, the view `el` covers that form; where
 * none does (a page that was exported, a notebook that was opened again), the form stays. Gives how to uncover it. */
export function cover(model: Model, el: HTMLElement): () => void {
  const root = el.getRootNode();
  const place = root instanceof ShadowRoot ? root.host.closest(".lmnb-place") : null;
  const still = place?.querySelector<HTMLElement>(".lmnb-static");
  if (!place || !still) return () => {};
  const show = (live: boolean) => {
    el.style.display = live ? "" : "none"; // not `hidden`: a page's own style may overrule that
    still.style.display = live ? "none" : "";
  };
  const answered = () => {
    model.off("msg:custom", answered);
    show(true);
    if (isAlone(place)) model.send({ type: "alone" });
  };
  show(false);
  model.on("msg:custom", answered);
  return () => {
    model.off("msg:custom", answered);
    show(false);
  };
}

/** Whether nothing else is in the cell's output, so that the kernel may replace the whole of it. */
function isAlone(place: Element): boolean {
  for (let one = place; one.parentElement; one = one.parentElement) {
    if (one.id.startsWith("output-")) return true;
    if (one.parentElement.childElementCount > 1) return false;
  }
  return false;
}
