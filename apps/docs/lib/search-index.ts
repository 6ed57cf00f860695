import { structure } from "fumadocs-core/mdx-plugins/remark-structure";
import type { AdvancedIndex } from "fumadocs-core/search/server";
import { withoutComments } from "./markdown.ts";
import { readPages } from "./pages.ts";

/** What the search finds: pages, headings and paragraphs. */
export function searchIndexes(): AdvancedIndex[] {
  return readPages().map(({ address, title, section, description, markdown }) => ({
    id: address,
    url: address,
    title,
    description,
    breadcrumbs: [section],
    structuredData: structure(withoutComments(markdown)),
  }));
}
