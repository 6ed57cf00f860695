"use server";

import { type AskedRate, type Rate, rateChannel, rates } from "@/features/dashboard/feed";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";

/** Asks whoever produces to do so at another rate, for a while. Returns why not, if not. */
export async function askForRate(perSecond: Rate): Promise<string | undefined> {
  if (!rates.includes(perSecond)) return "There is no such rate.";
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many at once. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  await publish({ perSecond } satisfies AskedRate, { channel: rateChannel, key: "rate" });
  return undefined;
}
