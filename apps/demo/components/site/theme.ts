const storageKey = "theme";

/**
 * Runs before the first paint, so that a chosen theme does not flash the other one. Storage may be
 * forbidden (it then throws); the system's theme stands in that case.
 */
export const themeScript = `try{var t=localStorage.getItem("${storageKey}");if(t==="light"||t==="dark")document.documentElement.dataset.theme=t}catch(e){}`;

/** Shows the other theme. A choice equal to the system's is forgotten, and follows it again. */
export function toggleTheme(): void {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const shown = root.dataset["theme"] ?? system;
  const wanted = shown === "dark" ? "light" : "dark";
  if (wanted === system) delete root.dataset["theme"];
  else root.dataset["theme"] = wanted;
  try {
    if (wanted === system) localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, wanted);
  } catch {
    // Storage is forbidden: the choice lasts until the page is left.
  }
}
