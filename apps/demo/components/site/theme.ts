const storageKey = "theme";

/**
 * Runs before the first paint, so that the other theme does not flash. Where storage is blocked,
 * it throws, and the system's theme applies.
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
    // Storage is blocked: the choice lasts until the page is closed.
  }
}
