import type { RequestHead } from "./request-head.ts";

/**
 * Whether somebody only guesses that this will be asked for: a browser that prefetches or prerenders
 * a link (`Sec-Purpose`, and what Chromium, WebKit and Firefox sent before it), or the router of
 * Next.js, which fetches a link's target when it comes into view and once more before it navigates.
 */
export function isPrefetch({ headers }: RequestHead): boolean {
  const isPurpose = ["sec-purpose", "purpose", "x-purpose", "x-moz"].some((name) =>
    headers.get(name)?.toLowerCase().includes("prefetch"),
  );
  return isPurpose || headers.get("next-router-prefetch") !== null || headers.get("rsc") !== null;
}
