"use server";

import { isSseBusError } from "sse-bus";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { readCommand } from "@/features/scores/read-state";
import { type Command, commandChannel } from "@/features/scores/scores";
import { publish } from "@/lib/sse-bus";

/** Asks something of the simulation, on whichever instance it runs. Returns why not, if not. */
export async function command(asked: Command): Promise<string | undefined> {
  // A Server Action is a public endpoint: its argument is whatever somebody sends.
  const checked = readCommand(asked);
  if (!checked) return "There is no such command.";
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many at once. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  try {
    await publish(checked, { channel: commandChannel, event: "command" });
    return undefined;
  } catch (error) {
    console.error("scores:", error);
    return `It failed (${isSseBusError(error) ? error.code : "unexpected error"}). Try again.`;
  }
}
