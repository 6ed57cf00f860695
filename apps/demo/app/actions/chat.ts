"use server";

import { headers } from "next/headers";
import { save } from "@/features/chat/server";
import { visitorOf } from "@/features/notifications/identity";
import { takePublishTurn } from "@/features/publish/rate-limit";

/** Clears the visitor's conversation, in all windows. */
export async function clearConversation(): Promise<void> {
  const visitor = visitorOf(await headers());
  if (visitor && (await takePublishTurn()) === 0) await save(visitor.id, null);
}
