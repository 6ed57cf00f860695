"use server";

import { isSseBusError } from "sse-bus";
import { isPublishingOpen } from "sse-bus/next";
import { takePublishTurn } from "@/features/publish/rate-limit";
import { publish } from "@/lib/sse-bus";
import { maxTextLength, type PublishState } from "@/features/publish/publish-state";

/** A Server Action is a public endpoint: it decides again what the page decided when it was rendered. */
export async function publishMessage(_: PublishState, form: FormData): Promise<PublishState> {
  const text = form.get("msg");
  if (typeof text !== "string") return { error: "The form came without a message." };
  if (!isPublishingOpen()) return { text, error: "Publishing is closed on this server." };
  if (text.trim() === "") return { text, error: "Write something to publish." };
  if (text.length > maxTextLength) {
    return { text, error: `At most ${maxTextLength} characters; this has ${text.length}.` };
  }
  const waitMs = await takePublishTurn();
  if (waitMs > 0) {
    return { text, error: `Too many at once. Try again in ${Math.ceil(waitMs / 1_000)} s.` };
  }
  try {
    const message = await publish({ msg: text });
    return { publishedId: message.id };
  } catch (error) {
    // The whole cause belongs into the server's log, its code is enough for the visitor.
    console.error("publishMessage:", error);
    const code = isSseBusError(error) ? error.code : "unexpected error";
    return { text, error: `Publishing failed (${code}). Try again.` };
  }
}
