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
import type { ComponentProps } from "react";

/** Fumadocs sets `aria-selected` on its buttons, which only an option may have. */
function Result(props: ComponentProps<typeof SearchDialogListItem>) {
  // oxlint-disable-next-line jsx-a11y/prefer-tag-over-role, jsx-a11y/role-has-required-aria-props
  return <SearchDialogListItem {...props} role="option" />;
}

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
        {/* oxlint-disable-next-line jsx-a11y/prefer-tag-over-role -- options of `datalist` cannot be links */}
        <SearchDialogList items={items} role="listbox" aria-label="Results" Item={Result} />
      </SearchDialogContent>
    </SearchDialog>
  );
}
