import { join, posix } from "node:path";
import type { NextApp } from "./find-app.ts";
import { notesOn } from "./notes.ts";
import { planInstrumentation } from "./plan-instrumentation.ts";
import { planPage } from "./plan-page.ts";
import { planUrl } from "./plan-url.ts";
import { firstFile, planned, type PlannedFile } from "./planned-file.ts";
import type { TemplateName, Templates } from "./templates.ts";
import { readTsconfig } from "./tsconfig.ts";
import { urlFolders } from "./url-folders.ts";

/** What `init` would do in this app. */
export interface Plan {
  readonly files: readonly PlannedFile[];
  /** The path of the page, such as `/sse`. */
  readonly pageUrl: string;
  /** How code imports the bus: `@/lib/sse-bus`, or its path without an alias. */
  readonly busImport: string;
  /** What may need a change, in sentences. */
  readonly notes: readonly string[];
}

export interface PlanOptions {
  readonly templates: Templates;
  /** Add the page. */
  readonly page: boolean;
}

/** Reads the app and writes nothing. */
export async function planChanges(app: NextApp, { templates, page }: PlanOptions): Promise<Plan> {
  const language = app.isTypeScript ? "ts" : "js";
  const sources = templates[language];
  const { alias, resolvesExports } = readTsconfig(app.folder, app.base);
  const bus = posix.join(app.base, "lib/sse-bus");
  const withAlias = alias === undefined ? undefined : `${alias}lib/sse-bus`;
  const text = (name: TemplateName, path: string): string =>
    sources[name]
      .replace(/"(?:\.\.\/)+lib\/sse-bus"/, () => {
        const from = posix.relative(posix.dirname(path), bus);
        return `"${withAlias ?? from}"`;
      })
      .replaceAll("/api/sse", `${app.config.basePath ?? ""}/api/sse`);

  const files: PlannedFile[] = [];
  const busFile = await firstFile(app, [join(app.folder, bus), join(app.folder, bus, "index")]);
  files.push(
    await planned(app, {
      path: busFile ?? `${bus}.${language}`,
      purpose: "the bus: one per process",
      text: text("lib/sse-bus", bus),
    }),
  );
  const appFolder = join(app.folder, app.appFolder);
  for (const { name, url, purpose } of ROUTES) {
    files.push(
      await planUrl(app, {
        url,
        kind: "route",
        folders: await urlFolders(appFolder, url),
        path: `${app.appFolder}/${url.join("/")}/route.${language}`,
        purpose,
        text: (path) => text(name, path),
      }),
    );
  }
  let pageUrl = "/sse";
  if (page) {
    const found = await planPage(app, text);
    files.push(...found.files);
    pageUrl = found.url;
  }
  files.push(await planInstrumentation(app, sources.instrumentation));
  return {
    files,
    pageUrl,
    busImport: withAlias ?? `./${bus}`,
    notes: notesOn(app, resolvesExports),
  };
}

const ROUTES = [
  {
    name: "app/api/sse/route",
    url: ["api", "sse"],
    purpose: "the event stream: GET /api/sse",
  },
  {
    name: "app/api/publish/route",
    url: ["api", "publish"],
    purpose: "publishing over HTTP: /api/publish",
  },
] as const;
