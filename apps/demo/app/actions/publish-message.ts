"use server";

import { isSseBusError } from "sse-bus";
import { isPublishingOpen } from "sse-bus/next";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";
import { maxTextLength, type PublishState } from "@/features/publish/publish-state";

/** A Server Action is a public endpoint: it checks again what the page checked at render time. */
export async function publishMessage(_: PublishState, form: FormData): Promise<PublishState> {
  const text = form.get("msg");
  if (typeof text !== "string") return { error: "The message is missing." };
  if (!isPublishingOpen()) return { text, error: "Publishing is closed on this server." };
  if (text.trim() === "") return { text, error: "Enter a message." };
  if (text.length > maxTextLength) {
    return { text, error: `At most ${maxTextLength} characters; this has ${text.length}.` };
  }
  const waitMs = await takePublishTurn();
  if (waitMs > 0) {
    return { text, error: `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.` };
  }
  try {
    const message = await publish({ msg: text });
    return { publishedId: message.id };
  } catch (error) {
    // The visitor sees only the code; the server's log has the whole cause.
    console.error("publishMessage:", error);
    const code = isSseBusError(error) ? error.code : "unexpected error";
    return { text, error: `Publishing failed (${code}). Try again.` };
  }
}
