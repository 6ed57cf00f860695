import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import type { NextApp } from "./find-app.ts";

/** What in the app may need a change that `init` does not make, in sentences. */
export function notesOn(app: NextApp, resolvesExports: boolean): string[] {
  const { config, folder, base } = app;
  const found: string[] = [];
  if (!resolvesExports) {
    found.push(
      'Set "moduleResolution": "bundler" in tsconfig.json: with the present setting, TypeScript does not find the types of sse-bus/next.',
    );
  }
  if (config.basePath === undefined) {
    found.push(
      `${config.file} computes basePath: put it in front of the two URLs (/api/sse) in the page.`,
    );
  }
  const extension = app.isTypeScript ? "ts" : "js";
  if (config.pageExtensions === undefined || !config.pageExtensions.includes(extension)) {
    found.push(
      `${config.file} sets pageExtensions: give the new files in ${app.appFolder}, and instrumentation, one of these extensions.`,
    );
  }
  const proxy = ["proxy", "middleware"].flatMap((name) => [`${name}.ts`, `${name}.js`]);
  const guard = proxy
    .map((name) => posix.join(base, name))
    .find((path) => existsSync(join(folder, path)));
  if (guard) {
    found.push(`${guard} runs before the new routes: check that it lets /api/sse through.`);
  }
  if (base && existsSync(join(folder, "instrumentation.ts"))) {
    found.push(
      "Next.js does not load instrumentation.ts in the root, because app is in src: move its code into src/instrumentation.ts.",
    );
  }
  return found;
}
