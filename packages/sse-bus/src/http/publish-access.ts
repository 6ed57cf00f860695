import type { Problem } from "./problem.ts";
import { isOpen, type PublishEnv } from "./publish-options.ts";

/** Why the environment does not let this request publish, if so; for routes without `authorize`. */
export async function refuseByEnvironment(
  request: Request,
  env: PublishEnv,
): Promise<Problem | undefined> {
  if (isOpen(env)) return undefined;
  const token = env.SSE_BUS_PUBLISH_TOKEN;
  if (!token) return CLOSED;
  const given = /^Bearer +(\S.*)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (given === undefined) return NO_TOKEN;
  return (await isEqual(given, token)) ? undefined : WRONG_TOKEN;
}

const CLOSED: Problem = {
  status: 403,
  code: "PUBLISHING_CLOSED",
  detail:
    "Publishing over HTTP is closed in production: set SSE_BUS_PUBLISH_TOKEN and send it as `Authorization: Bearer`, or set SSE_BUS_OPEN_PUBLISH=1.",
};

const NO_TOKEN: Problem = {
  status: 401,
  code: "UNAUTHORIZED",
  detail: "Send the publish token as `Authorization: Bearer <SSE_BUS_PUBLISH_TOKEN>`.",
  headers: { "WWW-Authenticate": "Bearer" },
};

/** A guess at the token, for the publish handler to count as such. */
export const WRONG_TOKEN: Problem = { ...NO_TOKEN };

/** Compares digests, so that the time taken tells nothing of the token or of its length. */
async function isEqual(given: string, wanted: string): Promise<boolean> {
  const [a, b] = await Promise.all([digest(given), digest(wanted)]);
  return a.reduce((difference, byte, index) => difference | (byte ^ (b[index] as number)), 0) === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
