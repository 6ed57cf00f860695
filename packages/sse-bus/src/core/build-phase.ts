import { SseBusError } from "./errors.ts";

/**
 * Refuses what `next build` would freeze. While it prerenders pages, Next.js sets `NEXT_PHASE`; code
 * behind `await connection()`, `cookies()` or `headers()` does not run then.
 *
 * @throws SseBusError `CURSOR_AT_BUILD`
 * @see https://nextjs.org/docs/app/api-reference/functions/connection
 */
export function assertNotBuilding(call = "bus.cursor()", result = "that cursor"): void {
  if (!isBuilding()) return;
  throw new SseBusError(
    "CURSOR_AT_BUILD",
    `\`${call}\` was called while \`next build\` prerenders this page, which would keep ${result} forever: call \`await connection()\` (from \`next/server\`) before it, so that the page is rendered for each request.`,
  );
}

/** Whether `next build` runs this code. */
export function isBuilding(): boolean {
  return typeof process !== "undefined" && process.env.NEXT_PHASE === "phase-production-build";
}
