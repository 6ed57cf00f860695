"use server";

import { isSseBusError } from "sse-bus";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { type Command, commandChannel, commandKinds, teams } from "@/features/scores/scores";
import { publish } from "@/lib/sse-bus";

/** Asks something of the simulation, on whichever instance it runs. Returns why not, if not. */
export async function command(asked: Command): Promise<string | undefined> {
  const checked = check(asked);
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

/** A Server Action is a public endpoint: its argument is whatever somebody sends. */
function check(asked: unknown): Command | undefined {
  const given = Object(asked) as Record<string, unknown>;
  const kind = commandKinds.find((one) => one === given.kind);
  const team = teams.find((one) => one === given.team);
  switch (kind) {
    case undefined:
      return undefined;
    case "goal":
    case "yellow card":
    case "red card":
      return team && { kind, team };
    default:
      return { kind };
  }
}
