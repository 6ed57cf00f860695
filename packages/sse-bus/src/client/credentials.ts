import type { SseClientOptions } from "./client-types.ts";

/** The headers of the next request, as the user's sources give them now. */
export async function resolveHeaders(
  { headers, token }: Pick<SseClientOptions, "headers" | "token">,
  refused: boolean,
): Promise<Record<string, string>> {
  const all: Record<string, string> = {
    Accept: "text/event-stream",
    ...(typeof headers === "function" ? await headers() : headers),
  };
  const bearer = typeof token === "function" ? await token({ refused }) : token;
  if (bearer) all.Authorization = `Bearer ${bearer}`;
  return all;
}

/**
 * Names the group of tabs that may share a connection, if any may: whose URL and credentials are the
 * same. What a function will give cannot be compared, so then only `identity` tells.
 */
export function groupName(options: SseClientOptions): string | undefined {
  const { url, headers, token, withCredentials, identity, fetch, shareTabs } = options;
  const isOpaque = fetch || typeof headers === "function" || typeof token === "function";
  if (shareTabs === false || (isOpaque && identity === undefined)) return undefined;
  // Not in the clear: any script of the page can list the names of locks.
  return `sse-bus ${hash(JSON.stringify([url, withCredentials, identity ?? [token, headers]]))}`;
}

/** A polynomial hash of 61 bits. */
function hash(text: string): bigint {
  let value = 0n;
  for (const letter of text) {
    value = (value * 257n + BigInt(letter.codePointAt(0) ?? 0)) % (2n ** 61n - 1n);
  }
  return value;
}
