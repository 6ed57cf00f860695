import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { generatedApi, repository } from "./repository.ts";

/** A Markdown file with its place on the site. */
export interface Entry {
  /** Its path in the repository. Generated files are treated as part of `docs/`. */
  readonly file: string;
  /** Where it is on the disk. A folder's overview, which is made from its pages, has none. */
  readonly path?: string;
  /** Its address on the site. */
  readonly address: string;
  readonly label: string;
  readonly section: string;
}

/** A folder of pages, with an overview as its first page. */
export interface Folder {
  readonly overview: Entry;
  readonly entries: readonly Entry[];
}

export interface Section {
  readonly title: string;
  readonly items: readonly (Entry | Folder)[];
}

/** The sections of `docs/meta.json`, the one place that orders and names the pages. */
export function readNavigation(): Section[] {
  const meta = JSON.parse(readFileSync(join(repository, "docs/meta.json"), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  return Object.entries(meta)
    .map(([title, pages]) => ({
      title,
      items: Object.entries(pages).map(([page, label]) =>
        page.endsWith("/*.md")
          ? readFolder(page.slice(0, -"/*.md".length), label, title)
          : entryOf(posix.join("docs", page), label, title),
      ),
    }))
    .filter(({ items }) => items.length > 0);
}

/** All entries, in the order of the navigation. */
export function listEntries(sections: readonly Section[] = readNavigation()): Entry[] {
  return sections.flatMap(({ items }) =>
    items.flatMap((item) => ("overview" in item ? [item.overview, ...item.entries] : [item])),
  );
}

/**
 * The address of a page: its path without `.md`, below `/docs`. README.md is `/docs` itself, and docs/README.md, the
 * list of the guides on GitHub, is `/docs/guides`.
 *
 * @example
 * addressOf("docs/errors/GAP.md"); // "/docs/errors/GAP"
 * addressOf("PROTOCOL.md"); // "/docs/protocol"
 */
export function addressOf(file: string): string {
  if (file === "README.md") return "/docs";
  if (file === "docs/README.md") return "/docs/guides";
  const name = file.replace(/\.md$/, "");
  return `/${name.startsWith("docs/") ? name : `docs/${name.toLowerCase()}`}`;
}

function readFolder(folder: string, label: string, section: string): Folder {
  const path = folder === "api" ? generatedApi : join(repository, "docs", folder);
  // The API reference is generated before the site is built; the checks of the other pages do without it.
  const names = existsSync(path) ? readdirSync(path) : [];
  const entries = names
    .filter((name) => name.endsWith(".md"))
    // The main entry point comes first.
    .toSorted((a, b) => Number(b === "sse-bus.md") - Number(a === "sse-bus.md") || (a < b ? -1 : 1))
    .map((name): Entry => {
      const file = `docs/${folder}/${name}`;
      const entry = entryOf(file, labelOf(folder, name), section);
      return { ...entry, path: join(path, name) };
    });
  const file = `docs/${folder}.md`;
  return { overview: { file, address: addressOf(file), label, section }, entries };
}

function labelOf(folder: string, name: string): string {
  const base = basename(name, ".md");
  if (folder !== "api") return base;
  return base === "sse-bus" ? base : `sse-bus/${base}`;
}

function entryOf(file: string, label: string, section: string): Entry {
  return { file, path: join(repository, file), address: addressOf(file), label, section };
}
