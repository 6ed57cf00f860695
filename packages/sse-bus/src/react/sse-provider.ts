"use client";

import {
  createElement,
  type ReactElement,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from "react";
import { createSseClient } from "../client/client.ts";
import type { SseClient, SseClientOptions } from "../client/client-types.ts";
import { ClientContext } from "./context.ts";

/** Settings of {@link SseProvider}: a client of your own, or what to make one of. */
export interface SseProviderProps extends SseClientOptions {
  readonly client?: SseClient | undefined;
  readonly children?: ReactNode;
}

/**
 * Gives the hooks below it a connection of its own: another URL, a token, headers. Optional: without
 * it, all hooks of a page share one connection to `/api/sse`.
 *
 * Options are read once; a changed `token` is taken over, and the connection replaced without loss.
 *
 * @example
 * ```tsx
 * <SseProvider url="/api/sse" token={() => fetchToken()}>{children}</SseProvider>
 * ```
 */
export function SseProvider({ client, children, ...options }: SseProviderProps): ReactElement {
  const [own] = useState(() => client ?? createSseClient(options));
  const { token } = options;
  const known = useRef(token);
  useEffect(() => {
    // A function is asked before each request anyway, and is a new one at every render.
    if (typeof token === "function" || known.current === token) return;
    known.current = token;
    own.setToken(token);
  }, [own, token]);
  return createElement(ClientContext.Provider, { value: client ?? own }, children);
}
