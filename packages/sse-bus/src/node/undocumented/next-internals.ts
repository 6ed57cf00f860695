import type { ServerResponse } from "node:http";

/**
 * Whether Next.js itself listens in this process: `next start`, `next dev` and the standalone server
 * say where; a custom server does not. Were the name gone, only memory would be lost.
 */
export function isNextsOwnServer(): boolean {
  return process.env.__NEXT_PRIVATE_ORIGIN !== undefined;
}

/** What Next.js has hung on an exchange would keep half of it, and serves nobody once it is released. */
export function forgetNext(response: ServerResponse): void {
  // Wrappers of the response's own methods (cookies, compression) give way to what they wrap. Deleted
  // properties would make a dictionary of the response, of 3 KB.
  const own = response as unknown as Record<string, unknown>;
  const pristine = Object.getPrototypeOf(response) as Record<string, unknown>;
  for (const name of WRAPPED) if (Object.hasOwn(own, name)) own[name] = pristine[name];
  const request = response.req as unknown as Record<symbol, unknown>;
  if (request[NEXT_REQUEST_META]) request[NEXT_REQUEST_META] = undefined;
}

const WRAPPED = ["write", "end", "writeHead", "setHeader", "flush", "on"];
const NEXT_REQUEST_META = Symbol.for("NextInternalRequestMeta");
