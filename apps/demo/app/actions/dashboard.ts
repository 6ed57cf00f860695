"use server";

import { type AskedRate, type Rate, rateChannel, rates } from "@/features/dashboard/feed";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";

/** Changes the replay's rate for a while. Returns the reason for a refusal. */
export async function askForRate(perSecond: Rate): Promise<string | undefined> {
  if (!rates.includes(perSecond)) return "Unknown rate.";
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  await publish({ perSecond } satisfies AskedRate, { channel: rateChannel, key: "rate" });
  return undefined;
}
