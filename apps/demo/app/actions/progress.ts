"use server";

import { startBuild } from "@/features/progress/build";
import { startKeyDerivation } from "@/features/progress/derive-key";
import { tasks } from "@/features/progress/server";
import { takePublishTurn } from "@/features/publish/rate-limit";

/** Tasks that a visitor can start. */
type Startable = "task" | "build" | "failing-build";

/** Starts a task. Returns the reason for a refusal. */
export async function start(what: Startable): Promise<string | undefined> {
  return inTurn(async () => {
    if (what === "task") await startKeyDerivation();
    else if (what === "build" || what === "failing-build")
      await startBuild({ failing: what === "failing-build" });
    else throw new Error("Unknown task.");
  });
}

/** Cancels a task, whichever instance runs it. */
export async function cancel(id: string): Promise<string | undefined> {
  return inTurn(async () => tasks.cancel(id));
}

async function inTurn(act: () => Promise<void>): Promise<string | undefined> {
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  try {
    await act();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
