"use server";

import { isSseBusError } from "sse-bus";
import { mayInspect } from "@/features/inspector/access";
import { type DemoCommand, demoChannel, demoCommands, isDemoId } from "@/features/inspector/demo";
import type { PublishOutcome } from "@/features/inspector/publish-outcome";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";

const maxDataLength = 20_000;

/** Sends a command to a page's demo stream, on any instance. Returns the reason for a refusal. */
export async function controlDemo(id: string, kind: DemoCommand): Promise<string | undefined> {
  if (!(await mayInspect()))
    return "The inspector's token has changed. Open the inspector with the new token.";
  if (!isDemoId(id) || !demoCommands.includes(kind)) return "Unknown command.";
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
  try {
    await publish({ kind }, { channel: `${demoChannel(id)}/control`, event: "command" });
    return undefined;
  } catch (error) {
    console.error("inspector:", error);
    return `It failed (${isSseBusError(error) ? error.code : "unexpected error"}). Try again.`;
  }
}

/** Publishes any message on any channel. Requires access to the inspector. */
export async function publishAnything(_: PublishOutcome, form: FormData): Promise<PublishOutcome> {
  if (!(await mayInspect()))
    return { error: "The inspector's token has changed. Open the inspector with the new token." };
  const [channel, event, key, text] = ["channel", "event", "key", "data"].map((name) => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  }) as [string, string, string, string];
  const given = { channel, event, key, data: text };
  if (text.length > maxDataLength) {
    return { given, error: `At most ${maxDataLength} characters here; this has ${text.length}.` };
  }
  const waitMs = await takePublishTurn();
  if (waitMs > 0) {
    return { given, error: `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.` };
  }
  try {
    const data: unknown = JSON.parse(text);
    const options = { channel: channel || "default", event: event || "message" };
    const { id } = await publish(data, { ...options, ...(key !== "" && { key }) });
    return { given, publishedId: id };
  } catch (error) {
    if (error instanceof SyntaxError) return { given, error: `Not JSON: ${error.message}` };
    if (isSseBusError(error)) return { given, error: error.message, code: error.code };
    console.error("inspector:", error);
    return { given, error: "It failed. The server's log has the reason." };
  }
}
