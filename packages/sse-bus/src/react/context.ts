"use client";

import { type Context, createContext, useContext } from "react";
import { createSseClient } from "../client/client.ts";
import type { SseClient } from "../client/client-types.ts";
import type { RegisteredChannels } from "../core/register.ts";

export const ClientContext: Context<SseClient | undefined> = createContext<SseClient | undefined>(
  undefined,
);

let pageClient: SseClient | undefined;

/**
 * Returns the client that the hooks use: that of the nearest {@link SseProvider}, or else one client for
 * the whole page, connected to `/api/sse` below the app's `basePath`. Use it to subscribe outside of
 * rendering, to `reconnect()`, or to `setToken()`.
 *
 * @example
 * ```tsx
 * const client = useSse();
 * return <button onClick={() => client.reconnect()}>Try again</button>;
 * ```
 */
export function useSse(): SseClient<RegisteredChannels> {
  const provided = useContext(ClientContext);
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- not where a bus is registered
  return (provided ?? clientOfPage()) as SseClient<RegisteredChannels>;
}

/** Safe on a server: the client connects with its first subscription, and rendering makes none. */
function clientOfPage(): SseClient {
  pageClient ??= createSseClient();
  return pageClient;
}
