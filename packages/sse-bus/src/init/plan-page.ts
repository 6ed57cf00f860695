import { readdir } from "node:fs/promises";
import { join, posix } from "node:path";
import type { NextApp } from "./find-app.ts";
import { planUrl } from "./plan-url.ts";
import { inApp, planned, type PlannedFile } from "./planned-file.ts";
import type { TemplateName } from "./templates.ts";
import { layoutFolder, urlFolders, urlOf } from "./url-folders.ts";

/** The page has a URL of its own: almost every app has a home page, which is not replaced. */
export async function planPage(
  app: NextApp,
  text: (name: TemplateName, path: string) => string,
): Promise<{ files: PlannedFile[]; url: string }> {
  const appFolder = join(app.folder, app.appFolder);
  const layout = await layoutFolder(appFolder);
  const parent = layout ?? appFolder;
  const extension = await pageExtension(app, parent);
  const file = await planUrl(app, {
    url: ["sse"],
    kind: "page",
    folders: [...(await urlFolders(appFolder, ["sse"])), ...(await urlFolders(parent, ["sse"]))],
    path: inApp(app, join(parent, `sse/page.${extension}`)),
    purpose: "a page that shows each message",
    text: (path) => text("app/page", path),
  });
  const files = [file];
  if (layout === undefined) {
    const layoutPath = `${app.appFolder}/layout.${extension}`;
    files.push(
      await planned(app, {
        path: layoutPath,
        purpose: "the root layout that pages need",
        text: text("app/layout", layoutPath),
      }),
    );
  }
  const folder = posix.relative(app.appFolder, posix.dirname(file.path));
  return { files, url: folder.startsWith("..") ? "/sse" : urlOf(folder) };
}

/** In JavaScript, `.jsx` if the app's layout has it. */
async function pageExtension(app: NextApp, folder: string): Promise<string> {
  if (app.isTypeScript) return "tsx";
  const names = await readdir(folder);
  return names.some((name) => /^(layout|page)\.jsx$/.test(name)) ? "jsx" : "js";
}
