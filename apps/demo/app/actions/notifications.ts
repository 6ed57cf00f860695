"use server";

import { isSseBusError } from "sse-bus";
import {
  alertLevels,
  type Author,
  maxAlertLength,
  maxChatLength,
  type PostState,
} from "@/features/notifications/entry";
import { announce } from "@/features/notifications/server";
import {
  readAuthor,
  readOneOf,
  readPosition,
  readText,
  Refusal,
} from "@/features/notifications/validate";
import { takePublishTurn } from "@/features/publish/rate-limit";

/** Says something in the chat. */
export async function say(_: PostState, form: FormData): Promise<PostState> {
  return post(form, async (by) => {
    const text = readText(form.get("text"), "The message", maxChatLength);
    await announce({ kind: "chat", by, text });
  });
}

/** Raises an alert for everybody who looks. */
export async function raiseAlert(_: PostState, form: FormData): Promise<PostState> {
  return post(form, async (by) => {
    await announce({
      kind: "alert",
      by,
      text: readText(form.get("text"), "The alert", maxAlertLength),
      level: readOneOf(form.get("level"), alertLevels),
    });
  });
}

/** Tells everybody that somebody takes care of an alert. Returns why not, if not. */
export async function acknowledge(alert: string, { person, name }: Author) {
  const { error } = await attempt(async () => {
    const by = readAuthor(person, name);
    await announce({ kind: "ack", by, alert: readPosition(alert) });
  });
  return error;
}

/** A Server Action is a public endpoint: all that it is given is checked. */
async function post(form: FormData, act: (by: Author) => Promise<void>): Promise<PostState> {
  const typed = form.get("text");
  const state = await attempt(async () => act(readAuthor(form.get("person"), form.get("name"))));
  return state.error !== undefined && typeof typed === "string"
    ? { ...state, text: typed.slice(0, maxChatLength) }
    : state;
}

async function attempt(act: () => Promise<void>): Promise<PostState> {
  try {
    const waitMs = await takePublishTurn();
    if (waitMs > 0)
      return { error: `Too many at once. Try again in ${Math.ceil(waitMs / 1_000)} s.` };
    await act();
    return {};
  } catch (error) {
    if (error instanceof Refusal) return { error: error.message };
    // The whole cause belongs into the server's log, its code is enough for the visitor.
    console.error("notifications:", error);
    return {
      error: `It failed (${isSseBusError(error) ? error.code : "unexpected error"}). Try again.`,
    };
  }
}
