/** A saved notebook keeps the static form of an output. While the kernel lives, its model takes that place over: the output carries an empty word of
 * a class, `lmnb-mount-<token>`, and whoever has that token draws the live view there. */

/** Draws into the place and gives how to take it away, or nothing where there is no longer anything to draw. */
type Draw = (place: HTMLElement) => (() => void) | null;

const waiting = new Map<string, { draw: Draw; open: Map<HTMLElement, () => void> }>();
let watch: MutationObserver | null = null;
let planned = false;

export function mount(token: string, draw: Draw): () => void {
  waiting.set(token, { draw, open: new Map() });
  watch ??= new MutationObserver(plan);
  watch.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    for (const close of waiting.get(token)?.open.values() ?? []) close();
    waiting.delete(token);
    if (!waiting.size) watch?.disconnect();
  };
}

function plan(): void {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    look();
  }, 150);
}

function look(): void {
  for (const [token, { draw, open }] of waiting) {
    for (const [place, close] of open) {
      if (place.isConnected) continue;
      close();
      open.delete(place);
    }
    for (const place of document.querySelectorAll<HTMLElement>(`.lmnb-mount-${CSS.escape(token)}`)) {
      if (open.has(place) || place.closest(".lmnb-static")) continue; // in marimo the view stands beside that (cover.ts)
      const close = draw(place);
      if (close) open.set(place, close);
      else waiting.delete(token);
    }
  }
}
