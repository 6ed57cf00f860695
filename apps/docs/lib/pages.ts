import { readFileSync } from "node:fs";
import { type Outline, outlineOf } from "./markdown.ts";
import { type Entry, listEntries, readNavigation, type Section } from "./navigation.ts";

/** A page of the site: an entry of the navigation with its text. */
export interface Page extends Entry, Outline {
  readonly markdown: string;
}

let built: readonly Page[] | undefined;

/** Every page of the site, in the order of the navigation. */
export function readPages(): readonly Page[] {
  // A build renders each page with it. In development, edits show at once.
  if (process.env.NODE_ENV !== "production") return parsePages(readNavigation());
  built ??= parsePages(readNavigation());
  return built;
}

function parsePages(sections: readonly Section[]): Page[] {
  const texts = new Map(
    listEntries(sections).flatMap(({ file, path }) =>
      path === undefined ? [] : [[file, readFileSync(path, "utf8")] as const],
    ),
  );
  for (const { items } of sections) {
    for (const item of items) {
      if (!("overview" in item)) continue;
      texts.set(item.overview.file, overviewOf(item.overview.label, item.entries, texts));
    }
  }
  return listEntries(sections).map((entry) => {
    const markdown = texts.get(entry.file) ?? "";
    return { ...entry, ...outlineOf(markdown), markdown };
  });
}

interface Overview {
  readonly introduction: string;
  readonly columns: readonly [page: string, description: string];
}

const OVERVIEWS: Record<string, Overview> = {
  API: {
    introduction: "Every export of every entry point, from the docstrings of the source.",
    columns: ["entry point", "has"],
  },
  Errors: {
    introduction: "Every error code, with its cause. Each page says what to do.",
    columns: ["code", "cause"],
  },
};

/** The first page of a folder: each of its pages with its first sentences. */
function overviewOf(
  label: string,
  entries: readonly Entry[],
  texts: ReadonlyMap<string, string>,
): string {
  const rows = entries.map(({ file, label: name }) => {
    const { description } = outlineOf(texts.get(file) ?? "");
    const folder = file.split("/").slice(1).join("/");
    return `| [\`${name}\`](${folder}) | ${description.replaceAll("|", "\\|")} |`;
  });
  const overview = OVERVIEWS[label];
  if (overview === undefined) throw new Error(`OVERVIEWS in ${import.meta.url} lacks ${label}.`);
  const { introduction, columns } = overview;
  return `# ${label}\n\n${introduction}\n\n| ${columns.join(" | ")} |\n| --- | --- |\n${rows.join("\n")}\n`;
}
