import type * as PageTree from "fumadocs-core/page-tree";
import { type Entry, readNavigation } from "./navigation.ts";

/** The navigation as Fumadocs takes it. */
export function pageTree(): PageTree.Root {
  return {
    name: "sse-bus",
    children: readNavigation().flatMap(({ title, items }): PageTree.Node[] => [
      { type: "separator", name: title },
      ...items.map((item): PageTree.Node =>
        "overview" in item
          ? {
              type: "folder",
              name: item.overview.label,
              index: itemOf(item.overview),
              children: item.entries.map(itemOf),
            }
          : itemOf(item),
      ),
    ]),
  };
}

function itemOf({ address, label }: Entry): PageTree.Item {
  return { type: "page", name: label, url: address };
}
