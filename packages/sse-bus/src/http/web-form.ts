import { assertCount } from "../core/history.ts";
import type { StreamHandlerHost } from "./stream-handler.ts";
import type { WebHandler } from "./web-call.ts";

/** Answers a web-standard request. Give it the client's address, where the server knows it. */
export type WebRequestHandler = (request: Request, client?: WebClient) => Promise<Response>;

/** What the server knows of the client, beside its request. */
export interface WebClient {
  /** The address at the other end of the connection: for limits, and for the `ip` of messages. */
  readonly ip?: string | undefined;
}

/** Makes a handler whose server passes the client's address with each request. */
export function withAddresses(
  make: (host: StreamHandlerHost) => WebHandler,
  trustedProxies = 0,
): WebRequestHandler {
  assertCount(trustedProxies, "trustedProxies", 0);
  const addresses = new WeakMap<object, string>();
  const handle = make({ trustedProxies, socketIp: (request) => addresses.get(request) });
  return async (request, client) => {
    // Some servers pass something else as the second argument.
    if (typeof client?.ip === "string") addresses.set(request, client.ip);
    return handle(request);
  };
}
