import type { Problem } from "./problem.ts";
import { isOpen, type PublishEnv } from "./publish-options.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * What the environment says about a request to publish, for routes without `authorize`. `granted`: it may
 * publish. `closed`: nobody may. `missing-token`, `wrong-token`: only with the publish token.
 */
export type PublishAccess = "granted" | "closed" | "missing-token" | "wrong-token";

/** Checks the publish token of a request. */
export function readPublishAccess({ headers }: RequestHead, env: PublishEnv): PublishAccess {
  if (isOpen(env)) return "granted";
  const token = env.SSE_BUS_PUBLISH_TOKEN;
  if (!token) return "closed";
  const sent = /^Bearer +(\S.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (sent === undefined) return "missing-token";
  return isEqualText(sent, token) ? "granted" : "wrong-token";
}

/**
 * Compares in a time that depends on the length of `given` only, which is what its sender knows: it reveals neither
 * the token nor its length.
 */
export function isEqualText(given: string, wanted: string): boolean {
  let difference = given.length ^ wanted.length;
  for (let index = 0; index < given.length; index++) {
    difference |= given.charCodeAt(index) ^ wanted.charCodeAt(index % wanted.length);
  }
  return difference === 0;
}

/** A token is missing, or is not the publish token. */
export const TOKEN_REQUIRED: Problem = {
  status: 401,
  code: "UNAUTHORIZED",
  detail: "Send the publish token as `Authorization: Bearer <SSE_BUS_PUBLISH_TOKEN>`.",
  headers: { "WWW-Authenticate": "Bearer" },
};
