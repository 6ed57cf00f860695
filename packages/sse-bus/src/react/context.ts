"use client";

import { type Context, createContext, useContext } from "react";
import { createSseClient } from "../client/client.ts";
import type { SseClient } from "../client/client-types.ts";
import type { RegisteredChannels } from "./register.ts";

export const ClientContext: Context<SseClient | undefined> = createContext<SseClient | undefined>(
  undefined,
);

let pageClient: SseClient | undefined;

/**
 * The client that hooks use here: of the nearest {@link SseProvider}, else one for the whole page, of
 * `/api/sse` below the app's `basePath`. For subscribing outside of rendering; `reconnect()` and `setToken()` are on it too.
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

/** It connects with its first subscription, which no server render makes: until then it is inert. */
function clientOfPage(): SseClient {
  pageClient ??= createSseClient();
  return pageClient;
}
