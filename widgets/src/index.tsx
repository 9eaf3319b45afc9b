import { render as draw, type ComponentChildren } from "preact";
import style from "./style.css";
import { cover } from "./cover";
import { Editor } from "./editor/editor";
import type { Model, ViewProps } from "./kit/client";
import { followTheme } from "./kit/theme";
import { mount } from "./mount";
import { Report } from "./report/report";
import { Runs } from "./report/runs";
import { Review } from "./review/review";
import { settle } from "./settle";
import { Studio } from "./studio/studio";
import { Traces } from "./traces/traces";

/** The views by what the trait `view` says: the name for a screen reader, and the component. */
const VIEWS: Record<string, [label: string, View: (props: ViewProps) => ComponentChildren]> = {
  studio: ["Studio", Studio],
  traces: ["Traces", Traces],
  report: ["Report", Report],
  review: ["Review", Review],
  runs: ["Runs", (props) => <Runs {...props} open={open} />],
  editor: ["Editor", Editor],
};

/** Draws the model's view into `el`; returns how to take it away, with its root. */
function open(model: Model, el: HTMLElement): (() => void) & { root: HTMLElement } {
  const view = model.get("view");
  const [label, View] = VIEWS[view];
  const root = document.createElement("div");
  root.className = `lmv ${view} tex2jax_ignore mathjax_ignore`; // JupyterLab typesets `$$…$$` in HTML outputs; formulas can hold links
  root.setAttribute("data-lmnb", view);
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", label);
  root.tabIndex = -1;
  const css = document.createElement("style");
  css.textContent = style;
  const body = document.createElement("div");
  body.className = "frame";
  root.append(css, body);
  el.append(root);
  // JupyterLab looks at what has the focus first, and for the mark above it only then: a key on a button or in a list of options would be its own
  root.addEventListener("focusin", (event) => (event.target as Element).setAttribute("data-lm-suppress-shortcuts", "true"));
  // a click on what takes no focus itself, on a button that is busy: the keys are the panel's from then on
  root.addEventListener("pointerup", () => root.contains((root.getRootNode() as Document).activeElement) || root.focus({ preventScroll: true }));
  const unfollow = followTheme(root);
  draw(<View model={model} root={root} />, body);
  const close = () => {
    unfollow();
    draw(null, body);
    root.remove();
  };
  return Object.assign(close, { root });
}

/** Empties the place for a view; returns how to bring it back. */
function clear(place: HTMLElement): () => void {
  const still = [...place.childNodes]; // out of the page, not hidden in it: a report wears the same handles as the live view
  place.replaceChildren();
  // JupyterLab and nbclassic dress tables, lists and headings of HTML outputs, and strongly; the panel is no document
  const dressed = place.closest(".jp-RenderedHTMLCommon, .rendered_html");
  const dress = dressed?.matches(".rendered_html") ? "rendered_html" : "jp-RenderedHTMLCommon";
  dressed?.classList.remove(dress);
  return () => {
    dressed?.classList.add(dress);
    place.replaceChildren(...still);
  };
}

/** Says it to the kernel; false where nobody could answer the model any more. */
function tell(model: Model, message: object): boolean {
  try {
    model.send(message);
    return true;
  } catch {
    return false;
  }
}

export default {
  /** Runs when the model appears, without a view: where the output is static HTML with a place for it, the live view moves in. */
  initialize({ model }: { model: Model }) {
    const token = model.get("mount");
    if (!token) return;
    const name = `lmnb-mount-${token}`;
    let seen = false;
    let held: HTMLElement | null = null; // has the focus in the view, or had it when an output that is published anew took it away
    const follow = ({ target }: FocusEvent) => (held = (target as Element).closest?.(`.${name}`) ? (target as HTMLElement) : null);
    document.addEventListener("focusin", follow);
    const arrived = () => {
      const report = model.get("report");
      const html = report?.["text/html"];
      if (!html) return;
      const stands = settle(model, token, report);
      // a report that is a place itself keeps its panel, and so does a place that this notebook could not bring to its report
      if (!html.includes(name) && (stands || (seen && !document.querySelector(`.${CSS.escape(name)}`)))) tell(model, { type: "gone" });
    };
    arrived();
    model.on("change:report", arrived);
    const leave = mount(token, (place) => {
      if (!tell(model, { type: "look" })) return null; // its kernel is gone, and the notebook was opened again in the same page: what was saved stays
      seen = true;
      let restore = clear(place);
      const view = open(model, place);
      const refocus = () => held && (view.root.contains(held) ? held : view.root).focus({ preventScroll: true });
      refocus();
      return {
        close: () => {
          view();
          restore();
        },
        move: (to) => {
          restore(); // the output around both places may be the same, and has its dress back
          restore = clear(to);
          to.append(view.root);
          refocus();
        },
      };
    });
    model.on("comm_live_update", leave); // said when the kernel is restarted: from then on nobody answers
    return () => {
      document.removeEventListener("focusin", follow);
      leave();
    };
  },
  render({ model, el }: { model: Model; el: HTMLElement }) {
    const uncover = cover(model, el);
    const close = open(model, el);
    return () => {
      uncover();
      close();
    };
  },
};
