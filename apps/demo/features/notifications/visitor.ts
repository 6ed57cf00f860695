import { stored } from "./stored";
import { maxNameLength } from "./entry";

const name = stored("sse-bus.name");

/** The name that the visitor chose, in all windows of the browser; before that, the one that the server gave. */
export function useVisitorName(given: string): string {
  return (name.use() ?? given).slice(0, maxNameLength);
}

/** Renames the visitor in all windows. Ignores an empty name. */
export function rename(to: string): void {
  if (to.trim() !== "") name.write(to.trim());
}
