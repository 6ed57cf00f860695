import type { ServerResponse } from "node:http";

/**
 * The address that Next.js itself listens on in this process, as `next start`, `next dev` and the standalone
 * server set it. `undefined` in a custom server, and should Next.js ever drop the variable.
 */
export function nextOrigin(): string | undefined {
  return process.env.__NEXT_PRIVATE_ORIGIN;
}

/** Removes what Next.js has attached to a request and response: it would keep half of their memory. */
export function forgetNext(response: ServerResponse): void {
  // Wrappers of the response's methods (cookies, compression) are replaced by the methods themselves. Deleting
  // the properties would turn the response into a dictionary object of 3 KB.
  const own = response as unknown as Record<string, unknown>;
  const pristine = Object.getPrototypeOf(response) as Record<string, unknown>;
  for (const name of WRAPPED) if (Object.hasOwn(own, name)) own[name] = pristine[name];
  const request = response.req as unknown as Record<symbol, unknown>;
  if (request[NEXT_REQUEST_META]) request[NEXT_REQUEST_META] = undefined;
}

const WRAPPED = ["write", "end", "writeHead", "setHeader", "flush", "on"];
const NEXT_REQUEST_META = Symbol.for("NextInternalRequestMeta");
