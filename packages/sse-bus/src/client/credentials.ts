import type { SseClientOptions } from "./client-types.ts";

type Headers = Record<string, string>;

/** The headers and the token of a request, as the user's sources give them now. */
export async function resolveHeaders(
  { headers, token }: Pick<SseClientOptions, "headers" | "token">,
  refused: boolean,
): Promise<Headers> {
  const all: Headers = { ...(typeof headers === "function" ? await headers() : headers) };
  const bearer = typeof token === "function" ? await token({ refused }) : token;
  if (bearer) all.Authorization = `Bearer ${bearer}`;
  return all;
}

/**
 * Names the group of tabs that may share a connection. Only a hash, as any script of the page can
 * list the names of locks.
 */
export function groupName(parts: readonly unknown[]): string {
  return `sse-bus ${hash(JSON.stringify(parts), 1)}${hash(JSON.stringify(parts), 2)}`;
}

/** FNV-1a over UTF-16 code units, 32 bits. */
function hash(text: string, seed: number): string {
  let value = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0).toString(36);
}
