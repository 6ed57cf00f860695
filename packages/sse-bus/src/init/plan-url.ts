import { join } from "node:path";
import type { NextApp } from "./find-app.ts";
import { firstFile, planned, type PlannedFile } from "./planned-file.ts";

/** A route or page that the app should have at a URL. */
export interface WantedUrl {
  /** `["api", "sse"]` */
  readonly url: readonly string[];
  readonly kind: "route" | "page";
  /** The folders of the App Router with this URL, as far as they are there. */
  readonly folders: readonly string[];
  /** Where it is created if the URL is free. */
  readonly path: string;
  readonly purpose: string;
  /** Its code, in a file at this path. */
  text(path: string): string;
}

/** Next.js refuses to build if a URL has a page and a route, or files in both routers. */
export async function planUrl(app: NextApp, wanted: WantedUrl): Promise<PlannedFile> {
  const { url, kind, folders, purpose } = wanted;
  const own = await firstFile(
    app,
    folders.map((folder) => join(folder, kind)),
  );
  const other = kind === "route" ? "page" : "route";
  const pages = join(app.folder, app.base, "pages", ...url);
  const blocking = await firstFile(app, [
    ...folders.map((folder) => join(folder, other)),
    pages,
    join(pages, "index"),
  ]);
  const found = own ?? blocking ?? wanted.path;
  const text = wanted.text(found);
  const file = await planned(app, { path: found, purpose, text, isPage: kind === "page" });
  if (own !== undefined || blocking === undefined || file.action === "same") return file;
  const reason = `it has the URL /${url.join("/")}. Move it to another URL, then run this again`;
  return { ...file, action: "by-hand", reason };
}
