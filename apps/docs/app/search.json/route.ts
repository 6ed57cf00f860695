import { createSearchAPI } from "fumadocs-core/search/server";
import { searchIndexes } from "@/lib/search-index.ts";

export const dynamic = "force-static";

const { staticGET } = createSearchAPI("advanced", { indexes: searchIndexes });

export { staticGET as GET };
