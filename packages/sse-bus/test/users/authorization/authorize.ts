import { topicCovers } from "sse-bus";
import type { Authorize } from "sse-bus/next";
import { readSession } from "./session.ts";

/** A signed-in user may read `news`, and all channels of their own. */
export const authorize: Authorize = async ({ request, channels }) => {
  const session = await readSession(request.headers.get("cookie"));
  if (!session) return 401;
  const allowed = ["news", `users/${session.userId}/**`];
  return {
    channels: channels.filter((channel) => allowed.some((own) => topicCovers(own, channel))),
    identity: { id: session.userId, info: { name: session.name } },
    expiresAt: session.expiresAt,
  };
};
