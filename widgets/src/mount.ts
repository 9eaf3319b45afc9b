/** A saved notebook keeps the static form of an output. While the kernel lives, its model takes that place over: the output carries an empty word of
 * a class, `lmnb-mount-<token>`, and whoever has that token draws the live view there. */

export interface View {
  close: () => void;
  /** Takes it as it is, with all that was typed, to another place: the output was published anew. */
  move: (to: HTMLElement) => void;
}

/** Draws into the place, or gives nothing where there is no longer anything to draw. */
type Draw = (place: HTMLElement) => View | null;

const waiting = new Map<string, { draw: Draw; open: Map<HTMLElement, View> }>();
let watch: MutationObserver | null = null;
let planned = false;

export function mount(token: string, draw: Draw): () => void {
  waiting.set(token, { draw, open: new Map() });
  watch ??= new MutationObserver(plan);
  watch.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    for (const view of waiting.get(token)?.open.values() ?? []) view.close();
    waiting.delete(token);
    if (!waiting.size) watch?.disconnect();
  };
}

function plan(): void {
  for (const { open } of waiting.values()) for (const place of open.keys()) if (!place.isConnected) return look(); // nobody should see, or type into, what is between
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    look();
  }, 150);
}

function look(): void {
  for (const [token, { draw, open }] of waiting) {
    const lost = [...open].filter(([place]) => !place.isConnected);
    for (const place of document.querySelectorAll<HTMLElement>(`.lmnb-mount-${CSS.escape(token)}`)) {
      if (open.has(place) || place.closest(".lmnb-static")) continue; // in marimo the view stands beside that (cover.ts)
      const [before, moved] = lost.shift() ?? [];
      if (before) open.delete(before);
      moved?.move(place);
      const view = moved ?? draw(place);
      if (view) open.set(place, view);
      else waiting.delete(token);
    }
    for (const [place, view] of lost) {
      view.close();
      open.delete(place);
    }
  }
}
