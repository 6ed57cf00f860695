"use server";

import { type Rate, rates } from "@/features/dashboard/feed";
import { rate } from "@/features/dashboard/live";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";

/** Changes the replay's rate for a while. Returns the reason for a refusal. */
export async function askForRate(perSecond: Rate): Promise<string | undefined> {
  if (!rates.includes(perSecond)) return "Unknown rate.";
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  await publish({ perSecond }, { channel: rate.channel, key: "rate" });
  return undefined;
}
