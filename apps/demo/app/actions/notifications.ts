"use server";

import { headers } from "next/headers";
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
import { visitorOf } from "@/features/notifications/identity";

/** Posts a chat message. */
export async function say(_: PostState, form: FormData): Promise<PostState> {
  return post(form, async (by) => {
    const text = readText(form.get("text"), "The message", maxChatLength);
    await announce({ kind: "chat", by, text });
  });
}

/** Raises an alert in every window. */
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

/** Acknowledges an alert, in every window. Returns the reason for a refusal. */
export async function acknowledge(alert: string, name: string) {
  const { error } = await attempt(async () => {
    const by = await authorNamed(name);
    await announce({ kind: "ack", by, alert: readPosition(alert) });
  });
  return error;
}

/** A Server Action is a public endpoint: every argument is validated. */
async function post(form: FormData, act: (by: Author) => Promise<void>): Promise<PostState> {
  const typed = form.get("text");
  const state = await attempt(async () => act(await authorNamed(form.get("name"))));
  return state.error !== undefined && typeof typed === "string"
    ? { ...state, text: typed.slice(0, maxChatLength) }
    : state;
}

/** The visitor of this request, by the cookie that the server gave, under the name that the page sends. */
async function authorNamed(name: unknown): Promise<Author> {
  return readAuthor(visitorOf(await headers())?.id, name);
}

async function attempt(act: () => Promise<void>): Promise<PostState> {
  try {
    const waitMs = await takePublishTurn();
    if (waitMs > 0)
      return { error: `Too many requests. Try again in ${Math.ceil(waitMs / 1_000)} s.` };
    await act();
    return {};
  } catch (error) {
    if (error instanceof Refusal) return { error: error.message };
    // The visitor sees only the code; the server's log has the whole cause.
    console.error("notifications:", error);
    return {
      error: `It failed (${isSseBusError(error) ? error.code : "unexpected error"}). Try again.`,
    };
  }
}
