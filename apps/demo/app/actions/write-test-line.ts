"use server";

import { takePublishTurn } from "@/features/publish/rate-limit";

/** Writes a line of each level to the server's console. Returns the reason for a refusal. */
export async function writeTestLine(): Promise<string | undefined> {
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  console.debug("Test: nothing to see here.");
  console.info("Test: the visitor asked for lines.");
  console.warn("Test: something is about to go wrong.");
  console.error("Test: something went wrong, as asked for.");
  return undefined;
}
