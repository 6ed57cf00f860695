import { readdir } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import type { NextApp } from "./find-app.ts";
import { readSource } from "./read-source.ts";
import { outsideOf } from "./safe-path.ts";

/** What happens to one file. */
export interface PlannedFile {
  /** In the app, with `/`. */
  readonly path: string;
  /** What the file is for. */
  readonly purpose: string;
  /**
   * `create`: it is not there. `change`: code is added to it. `same`: nothing to do. `conflict`: it is there for
   * something else. `by-hand`: it cannot be written safely.
   */
  readonly action: "create" | "change" | "same" | "conflict" | "by-hand";
  readonly before: string;
  /** With `conflict` and `by-hand`, what to write there instead, or what to add. */
  readonly after: string;
  /** Why it is left to a person. */
  readonly reason?: string;
}

/** A file that the app should have. */
export interface WantedFile {
  readonly path: string;
  readonly purpose: string;
  readonly text: string;
  /** It is set up if it has the URL of the stream: a page need not import the package. */
  readonly isPage?: boolean;
}

/** Compares a file with what is there. */
export async function planned(
  app: NextApp,
  { path, purpose, text, isPage = false }: WantedFile,
): Promise<PlannedFile> {
  const before = await readSource(join(app.folder, path));
  const file = { path, purpose, before: "", after: text };
  if (before instanceof Error) return { ...file, action: "by-hand", reason: before.message };
  file.before = before ?? "";
  // A file that uses the package was set up before, and may have been changed since.
  const isSetUp = USES_PACKAGE.test(file.before) || (isPage && OPENS_STREAM.test(file.before));
  if (isSetUp) return { ...file, action: "same" };
  const outside = outsideOf(app.folder, path);
  if (outside) return { ...file, action: "by-hand", reason: outside };
  if (before === undefined) return { ...file, action: "create" };
  return { ...file, action: "conflict", reason: "it is there for something else" };
}

const USES_PACKAGE = /["']sse-bus[/"']/;
const OPENS_STREAM = /\/api\/sse\b/;

/** The first of these paths that is a file with an extension of JavaScript or TypeScript. */
export async function firstFile(
  app: NextApp,
  stems: readonly string[],
): Promise<string | undefined> {
  for (const stem of stems) {
    const names = await readdir(dirname(stem)).catch(() => []);
    const name = names.find((one) => {
      const [first, ...rest] = one.split(".");
      return first === basename(stem) && /^[cm]?[jt]sx?$/.test(rest.join("."));
    });
    if (name !== undefined) return inApp(app, join(dirname(stem), name));
  }
  return undefined;
}

/** A path in the app, with `/`. */
export function inApp(app: NextApp, path: string): string {
  return relative(app.folder, path).split(sep).join("/");
}
