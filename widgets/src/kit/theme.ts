/** Dark or light: the notebook's own word first, then the system's. */
function isDark(): boolean {
  const { body, documentElement: html } = document;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter) return jupyter === "false";
  if (body.dataset.vscodeThemeKind) return body.dataset.vscodeThemeKind !== "vscode-light" && body.dataset.vscodeThemeKind !== "vscode-high-contrast-light";
  const named = html.getAttribute("theme") ?? html.dataset.theme ?? body.dataset.theme;
  if (named === "dark" || named === "light") return named === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Keeps `data-theme` of the root in step with the page; returns how to stop. */
export function followTheme(root: HTMLElement): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const update = () => root.setAttribute("data-theme", isDark() ? "dark" : "light");
  const watch = new MutationObserver(update);
  for (const node of [document.body, document.documentElement]) watch.observe(node, { attributes: true });
  system.addEventListener("change", update);
  update();
  return () => {
    watch.disconnect();
    system.removeEventListener("change", update);
  };
}
