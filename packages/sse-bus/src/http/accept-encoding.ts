import { readAcceptList } from "./accept-list.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * Whether the client prefers gzip to no coding (RFC 9110 §12.5.3). No coding is what it gets otherwise, even
 * if it excludes that.
 */
export function prefersGzip({ headers }: RequestHead): boolean {
  const accepted = headers.get("accept-encoding");
  if (accepted === null) return false;
  const qualities = new Map<string, number>();
  for (const { name, quality } of readAcceptList(accepted)) {
    qualities.set(name, quality === undefined ? 1 : readQuality(quality));
  }
  const gzip = qualities.get("gzip") ?? qualities.get("x-gzip") ?? qualities.get("*") ?? 0;
  return gzip > 0 && gzip >= (qualities.get("identity") ?? 0);
}

/** What is not a number between 0 and 1 accepts nothing. */
function readQuality(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
