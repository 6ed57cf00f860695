"use client";

import { DocsPage as Page, type DocsPageProps } from "fumadocs-ui/layouts/docs/page";
import { tableOfContents } from "./table-of-contents.tsx";

export function DocsPage(props: DocsPageProps) {
  return (
    <Page
      id="content"
      tableOfContent={{ single: true }}
      breadcrumb={{ enabled: false }}
      slots={{ toc: tableOfContents }}
      {...props}
    />
  );
}
