"use client";

import { useSyncExternalStore } from "react";
import type { SseConnection } from "../client/client-types.ts";
import { useSse } from "./context.ts";

const SERVER: SseConnection = { status: "idle" };

/**
 * Returns the status of the page's connection, with the reason if it is not `open`. While it is, `transport` is `poll` if
 * the network does not let streams through.
 *
 * @example
 * ```tsx
 * const { status, retryAt } = useSseStatus();
 * return status === "reconnecting" ? <p>Connection lost. Next attempt at {retryAt}.</p> : null;
 * ```
 */
export function useSseStatus(): SseConnection {
  const client = useSse();
  return useSyncExternalStore(client.subscribeStatus, client.getStatus, () => SERVER);
}
