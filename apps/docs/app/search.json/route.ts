import { createSearchAPI } from "fumadocs-core/search/server";
import { searchIndexes } from "@/lib/search-index.ts";

export const dynamic = "force-static";

const { staticGET } = createSearchAPI("advanced", {
  indexes: searchIndexes,
  // Results are ordered by relevance only; without the other orders, the file is a quarter smaller.
  sort: { enabled: false },
});

export { staticGET as GET };
