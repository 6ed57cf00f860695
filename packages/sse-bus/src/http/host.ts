import type { Problem } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * Whether this is a host with an optional port (RFC 9110 §7.2), and nothing else. Everything that puts
 * `Host` into a URL asks here first: `h/sse?x=` or `user@h` would change what the URL means.
 */
export function isHost(text: string): boolean {
  return text.length <= MAX_LENGTH && HOST.test(text) && URL.canParse(`http://${text}`);
}

/** Why a request's `Host` is refused, if so. Only HTTP/1.0 may leave it out. */
export function refuseHost({ headers }: RequestHead): Problem | undefined {
  const host = headers.get("host");
  return host === null || isHost(host) ? undefined : INVALID_HOST;
}

export const INVALID_HOST: Problem = {
  status: 400,
  code: "INVALID_HOST",
  detail:
    "The request's `Host` is not a host with an optional port: send `Host: example.com` or `Host: example.com:3000`.",
};

/** A name has at most 253 characters (RFC 1035 §2.3.4); then a colon and five digits. */
const MAX_LENGTH = 259;
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
