"use server";

import { isSseBusError } from "sse-bus";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { type Command, commandChannel } from "@/features/scores/scores";
import * as shape from "@/features/scores/shape";
import { readShape } from "@/lib/shape";
import { publish } from "@/lib/sse-bus";

/** Sends a command to the simulation, on any instance. Returns the reason for a refusal. */
export async function command(asked: Command): Promise<string | undefined> {
  // A Server Action is a public endpoint: the argument can be anything.
  const checked = readShape(shape.command, asked);
  if (!checked) return "Unknown command.";
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  try {
    await publish(checked, { channel: commandChannel, event: "command" });
    return undefined;
  } catch (error) {
    console.error("scores:", error);
    return `It failed (${isSseBusError(error) ? error.code : "unexpected error"}). Try again.`;
  }
}
