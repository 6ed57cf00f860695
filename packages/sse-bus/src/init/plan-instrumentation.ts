import { join } from "node:path";
import type { NextApp } from "./find-app.ts";
import { exampleParts, mergeInstrumentation } from "./merge-instrumentation.ts";
import { firstFile, inApp, planned, type PlannedFile } from "./planned-file.ts";
import { outsideOf } from "./safe-path.ts";

/** Adds the file, or the call to the one that is there. */
export async function planInstrumentation(app: NextApp, example: string): Promise<PlannedFile> {
  const purpose = "connects the bus at start, ends streams on SIGTERM";
  const stem = join(app.folder, app.base, "instrumentation");
  const there = await firstFile(app, [stem]);
  const path = there ?? inApp(app, `${stem}.${app.isTypeScript ? "ts" : "js"}`);
  const file = await planned(app, { path, purpose, text: example });
  if (there === undefined) return file;
  const { whole } = exampleParts(example);
  if (file.action === "by-hand") return { ...file, after: whole };
  const merge = mergeInstrumentation(file.before, example, path);
  if (merge.kind === "same") return { ...file, action: "same" };
  const outside = outsideOf(app.folder, path);
  if (merge.kind === "merged" && outside === undefined) {
    return { ...file, action: "change", after: merge.text };
  }
  const reason = merge.kind === "by-hand" ? merge.reason : outside;
  return { ...file, action: "by-hand", reason: reason ?? "", after: whole };
}
