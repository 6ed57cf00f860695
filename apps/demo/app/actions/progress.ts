"use server";

import { startBuild } from "@/features/progress/build";
import { cancelChannel } from "@/features/progress/job";
import { startTask } from "@/features/progress/task";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";

/** Jobs that a visitor can start. */
type Startable = "task" | "build" | "failing-build";

/** Starts a job. Returns the reason for a refusal. */
export async function start(what: Startable): Promise<string | undefined> {
  return inTurn(async () => {
    if (what === "task") await startTask();
    else if (what === "build" || what === "failing-build")
      await startBuild({ failing: what === "failing-build" });
    else throw new Error("Unknown job.");
  });
}

/** Cancels a job, on the instance that runs it. */
export async function cancel(id: string): Promise<string | undefined> {
  return inTurn(async () => {
    if (typeof id !== "string" || id.length !== 36) throw new Error("Unknown job.");
    await publish({ id }, { channel: cancelChannel });
  });
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
