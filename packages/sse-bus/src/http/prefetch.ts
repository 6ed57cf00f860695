import type { RequestHead } from "./request-head.ts";

/**
 * Whether this request is only a guess that the user will follow a link: from a browser that prefetches or
 * prerenders it (`Sec-Purpose`, and what Chromium, WebKit and Firefox sent before it), or from the router of
 * Next.js, which fetches a link's target when it becomes visible and again before it navigates.
 */
export function isPrefetch({ headers }: RequestHead): boolean {
  const isPurpose = ["sec-purpose", "purpose", "x-purpose", "x-moz"].some((name) =>
    headers.get(name)?.toLowerCase().includes("prefetch"),
  );
  return isPurpose || headers.get("next-router-prefetch") !== null || headers.get("rsc") !== null;
}
