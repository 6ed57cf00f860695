import type { StreamSettings } from "./stream-options.ts";

/**
 * Headers of every stream. `no-transform`, because compressed streams arrive late or never;
 * `X-Accel-Buffering`, because nginx buffers otherwise. A private stream must not be stored (RFC 9111
 * §5.2.2.5).
 */
export function streamHeaders({ isPrivate }: { readonly isPrivate: boolean }) {
  return {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": `${isPrivate ? "no-store" : "no-cache"}, no-transform`,
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
  };
}

/** A stream that only some clients may read must not be cached, not even with revalidation. */
export function isPrivate({ authorize, cors }: StreamSettings): boolean {
  return authorize !== undefined || cors?.credentials === true;
}

/** Adds the coding of a route that can compress. A cache must not serve it to a client without it (`Vary`). */
export function withEncoding(
  headers: Readonly<Record<string, string>>,
  encoding: string | undefined,
): Record<string, string> {
  const { Vary: vary } = headers;
  return {
    ...headers,
    Vary: vary === undefined ? "Accept-Encoding" : `${vary}, Accept-Encoding`,
    ...(encoding !== undefined && { "Content-Encoding": encoding }),
  };
}
