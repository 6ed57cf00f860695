import { addTo } from "../support/test-tables.ts";
import { type Combination, optionsOf } from "./combinations.ts";
import type { Used } from "./use-app.ts";

export interface Measured extends Used {
  readonly combination: Combination;
  readonly buildMs: number | undefined;
  readonly startMs: number;
}

/** Adds what a combination has shown to the table of the apps. */
export async function addRow({ combination, buildMs, startMs, ...used }: Measured): Promise<void> {
  const { next, bundler, server, node, typescript } = combination;
  const seconds = (ms: number | undefined): string =>
    ms === undefined ? "" : `${(ms / 1000).toFixed(1)} s`;
  await addTo("apps", {
    "Next.js": next,
    bundler,
    server,
    "Node.js": String(node),
    TypeScript: typescript,
    "React (app)": used.reactApp,
    "React (pages)": used.reactPages,
    options: optionsOf(combination).join(", "),
    build: seconds(buildMs),
    start: seconds(startMs),
    sink: used.sink,
    "message seen": "yes",
  });
}
