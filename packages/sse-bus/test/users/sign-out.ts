import type { Bus } from "sse-bus";
import type { Authorize } from "sse-bus/next";

/** Your sessions, in a database or a cache that all instances share. */
export interface Sessions {
  read(cookie: string | null): Promise<{ userId: string; name: string } | undefined>;
  deleteAll(userId: string): Promise<void>;
}

export function authorizeBy(sessions: Sessions): Authorize {
  return async ({ request }) => {
    const session = await sessions.read(request.headers.get("cookie"));
    if (!session) return 401;
    return { identity: { id: session.userId, info: { name: session.name } } };
  };
}

export async function signOut(bus: Bus, sessions: Sessions, userId: string): Promise<void> {
  // First, so that `authorize` refuses a client that reconnects.
  await sessions.deleteAll(userId);
  await bus.disconnect({ identity: userId }, { code: "SIGNED_OUT" });
}
