import type { SseClientOptions } from "./client-types.ts";

/** The headers of the next request. */
export async function resolveHeaders(
  { headers, token }: Pick<SseClientOptions, "headers" | "token">,
  accept: string,
  refused: boolean,
): Promise<Headers> {
  // `Headers` merges names that differ only in case; a plain object would send both.
  const all = new Headers(typeof headers === "function" ? await headers() : headers);
  if (!all.has("Accept")) all.set("Accept", accept);
  const bearer = typeof token === "function" ? await token({ refused }) : token;
  if (bearer) all.set("Authorization", `Bearer ${bearer}`);
  return all;
}

/**
 * Names the group of tabs whose requests are the same, if that can be known. The number is the version of
 * what tabs send each other: during a deployment, tabs of two versions of this package do not share.
 */
export function tabGroupName(options: SseClientOptions): string | undefined {
  const { url, headers, token, withCredentials, identity, fetch, shareTabs } = options;
  // Functions, and tokens of one user, cannot be compared: sharing then needs an `identity`.
  const isOwn = identity === undefined && (headers ?? token ?? fetch);
  if (shareTabs === false || isOwn) return undefined;
  return `sse-bus 3 ${JSON.stringify([url, withCredentials, identity])}`;
}
