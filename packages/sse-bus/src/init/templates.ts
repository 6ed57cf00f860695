import { readFile } from "node:fs/promises";

/** A file of the minimal example. */
export type TemplateName =
  | "lib/sse-bus"
  | "app/api/sse/route"
  | "app/api/publish/route"
  | "app/page"
  | "app/layout"
  | "instrumentation";

/** The sources of the minimal example, in both languages. */
export interface Templates {
  readonly ts: Readonly<Record<TemplateName, string>>;
  readonly js: Readonly<Record<TemplateName, string>>;
}

/** Written by the build from `examples/minimal`, see scripts/build-init.mjs. */
export async function readTemplates(): Promise<Templates> {
  const text = await readFile(new URL("templates.json", import.meta.url), "utf8");
  return JSON.parse(text) as Templates;
}
