import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { type Entry, listEntries } from "./navigation.ts";
import { repository, sourceAddress } from "./repository.ts";

/** Where a link of a Markdown file leads. */
export type Target =
  | { readonly kind: "external"; readonly href: string }
  | { readonly kind: "page"; readonly entry: Entry; readonly anchor: string }
  | { readonly kind: "file"; readonly file: string; readonly anchor: string }
  | { readonly kind: "missing"; readonly file: string };

/**
 * Resolves links as GitHub does: relative to the file that has them.
 *
 * @example
 * const resolve = linkResolver();
 * resolve("docs/errors/GAP.md", "../streams.md#resume"); // { kind: "page", … }
 */
export function linkResolver(
  entries: readonly Entry[] = listEntries(),
): (from: string, href: string) => Target {
  const byFile = new Map(entries.map((entry) => [entry.file, entry]));
  return (from, href) => {
    if (/^[a-z][a-z+.-]*:/i.test(href) || href.startsWith("//")) return { kind: "external", href };
    const [path = "", anchor = ""] = href.split("#");
    const file = path === "" ? from : posix.join(posix.dirname(from), decodeURI(path));
    const plain = file.replace(/\/$/, "");
    // A folder of pages is its overview.
    const entry = byFile.get(plain) ?? byFile.get(`${plain}.md`);
    if (entry !== undefined) return { kind: "page", entry, anchor };
    if (plain.startsWith("..") || !existsSync(join(repository, plain))) {
      return { kind: "missing", file: plain };
    }
    return { kind: "file", file: plain, anchor };
  };
}

/** The address on the site: a page, a picture of the repository, or a file on the repository's own site. */
export function hrefOf(target: Target): string {
  if (target.kind === "external") return target.href;
  if (target.kind === "missing")
    throw new Error(`A link leads to ${target.file}, which is missing.`);
  const hash = target.anchor === "" ? "" : `#${target.anchor}`;
  if (target.kind === "page") return target.entry.address + hash;
  return isPicture(target.file) ? pictureAddress(target.file) : sourceAddress(target.file) + hash;
}

export function isPicture(file: string): boolean {
  return /\.(?:avif|gif|jpe?g|png|svg|webp)$/.test(file);
}

function pictureAddress(file: string): string {
  return `/media/${file}`;
}
