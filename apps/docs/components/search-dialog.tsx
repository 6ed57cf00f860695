"use client";

import { useDocsSearch } from "fumadocs-core/search/client";
import { staticClient } from "fumadocs-core/search/client/orama-static";
import {
  SearchDialog,
  SearchDialogClose,
  SearchDialogContent,
  SearchDialogHeader,
  SearchDialogIcon,
  SearchDialogInput,
  SearchDialogList,
  SearchDialogListItem,
  SearchDialogOverlay,
  type SharedProps,
} from "fumadocs-ui/components/dialog/search";

const client = staticClient({ from: "/search.json" });

/** Searches in the browser: the index is one file, loaded with the first search. */
export default function StaticSearch(props: SharedProps) {
  const { search, setSearch, query } = useDocsSearch({ client });
  const items = query.data === "empty" ? null : query.data;
  return (
    <SearchDialog search={search} onSearchChange={setSearch} isLoading={query.isLoading} {...props}>
      <SearchDialogOverlay />
      <SearchDialogContent>
        <SearchDialogHeader>
          <SearchDialogIcon />
          <SearchDialogInput aria-label="Search" />
          <SearchDialogClose aria-label="ESC: close the search" />
        </SearchDialogHeader>
        <SearchDialogList
          items={items}
          role="listbox"
          aria-label="Results"
          Item={(item) => <SearchDialogListItem {...item} role="option" />}
        />
      </SearchDialogContent>
    </SearchDialog>
  );
}
