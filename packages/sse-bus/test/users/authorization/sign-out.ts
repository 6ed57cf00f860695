import type { Bus } from "sse-bus";
import { deleteSessions } from "./session.ts";

/** Ends all sessions of a user, and all of the user's streams on all instances. */
export async function signOut(bus: Bus, userId: string): Promise<void> {
  // First, so that `authorize` refuses a client that reconnects.
  await deleteSessions(userId);
  await bus.disconnect({ identity: userId }, { code: "SIGNED_OUT" });
}
