"use client";

import {
  TOC,
  TOCPopover,
  type TOCPopoverProps,
  type TOCProps,
  TOCProvider,
} from "fumadocs-ui/layouts/docs/page/slots/toc";

function Contents(props: TOCProps) {
  return (
    <nav className="contents" aria-label="On this page">
      <TOC {...props} />
    </nav>
  );
}

/** On a phone. Inside of `nav`, its header is not a second banner of the page. */
function ContentsPopover(props: TOCPopoverProps) {
  return (
    <nav className="contents" aria-label="Contents">
      <TOCPopover {...props} />
    </nav>
  );
}

/** Fumadocs' tables of contents as landmarks, which screen readers can go to. */
export const tableOfContents = {
  provider: TOCProvider,
  main: Contents,
  popover: ContentsPopover,
};
