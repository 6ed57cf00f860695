"use server";

import { isSseBusError } from "sse-bus";
import { isPublishingOpen } from "sse-bus/next";
import { type DemoCommand, demoChannel, demoCommands, isDemoId } from "@/features/guarantees/demo";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";

/** Sends a command to a page's demo stream, on any instance. Returns the reason for a refusal. */
export async function controlDemo(id: string, kind: DemoCommand): Promise<string | undefined> {
  if (!isPublishingOpen()) return "Publishing is closed on this server.";
  if (!isDemoId(id) || !demoCommands.includes(kind)) return "Unknown command.";
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  try {
    await publish({ kind }, { channel: `${demoChannel(id)}/control`, event: "command" });
    return undefined;
  } catch (error) {
    console.error("guarantees:", error);
    return `It failed (${isSseBusError(error) ? error.code : "unexpected error"}). Try again.`;
  }
}
