import { structure } from "fumadocs-core/mdx-plugins/remark-structure";
import type { AdvancedIndex } from "fumadocs-core/search/server";
import { withoutComments } from "./markdown.ts";
import { readPages } from "./pages.ts";

/** What the search finds: pages, headings and paragraphs. */
export function searchIndexes(): AdvancedIndex[] {
  return readPages().map(({ address, file, title, section, description, markdown }) => ({
    id: address,
    url: address,
    title,
    description,
    breadcrumbs: [section],
    structuredData: structure(withoutComments(markdown), [], { types: typesOf(file) }),
  }));
}

/** The tables of the API reference are half of the text; readers look for an option by its name or in its guide. */
function typesOf(file: string): string[] {
  const types = ["heading", "paragraph", "blockquote"];
  return /^docs\/api\/|^CHANGELOG/.test(file) ? types : [...types, "table"];
}
