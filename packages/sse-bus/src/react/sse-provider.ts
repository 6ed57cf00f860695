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
 * Options are read once; a changed `token` is taken over, and the connection replaced without loss. With
 * another `identity` it leaves the tabs of the former one.
 *
 * @example
 * ```tsx
 * <SseProvider url="/api/sse" token={() => fetchToken()}>{children}</SseProvider>
 * ```
 */
export function SseProvider({ client, children, ...options }: SseProviderProps): ReactElement {
  const [own] = useState(() => client ?? createSseClient(options));
  const { token, identity } = options;
  const known = useRef({ token, identity });
  useEffect(() => {
    const { current } = known;
    // A function is asked before each request anyway, and is a new one at every render.
    const isSame = typeof token === "function" || current.token === token;
    if (isSame && current.identity === identity) return;
    known.current = { token, identity };
    own.setToken(token, { identity });
  }, [own, token, identity]);
  return createElement(ClientContext.Provider, { value: client ?? own }, children);
}
