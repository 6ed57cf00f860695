import { type Authorize, decide } from "./authorize.ts";
import type { Problem } from "./problem.ts";
import { isOpen, type PublishEnv } from "./publish-options.ts";

/** Why this request may not publish to this channel, if so. */
export async function refusePublish(
  request: Request,
  channel: string,
  authorize: Authorize | undefined,
  env: PublishEnv,
  onError: (error: Error) => void,
): Promise<Problem | undefined> {
  if (authorize) {
    const decision = await decide(
      authorize,
      { request, channels: [channel], action: "publish" },
      onError,
    );
    if ("problem" in decision) return decision.problem;
    // What has expired already grants nothing.
    return decision.expiresAt > Date.now() ? undefined : EXPIRED;
  }
  if (isOpen(env)) return undefined;
  const token = env.SSE_BUS_PUBLISH_TOKEN;
  if (!token) return CLOSED;
  const given = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  return given !== undefined && (await isEqual(given, token)) ? undefined : WRONG_TOKEN;
}

const CLOSED: Problem = {
  status: 403,
  code: "PUBLISHING_CLOSED",
  detail:
    "Publishing over HTTP is closed in production: set SSE_BUS_PUBLISH_TOKEN and send it as `Authorization: Bearer`, or set SSE_BUS_OPEN_PUBLISH=1.",
};

const WRONG_TOKEN: Problem = {
  status: 401,
  code: "UNAUTHORIZED",
  detail: "Send the publish token as `Authorization: Bearer <SSE_BUS_PUBLISH_TOKEN>`.",
  headers: { "WWW-Authenticate": "Bearer" },
};

const EXPIRED: Problem = {
  status: 401,
  code: "UNAUTHORIZED",
  detail: "The credentials have expired: send fresh ones.",
  headers: { "WWW-Authenticate": "Bearer" },
};

/** Compares digests, so that the time taken tells nothing of the token or of its length. */
async function isEqual(given: string, wanted: string): Promise<boolean> {
  const [a, b] = await Promise.all([digest(given), digest(wanted)]);
  return a.reduce((difference, byte, index) => difference | (byte ^ (b[index] as number)), 0) === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
