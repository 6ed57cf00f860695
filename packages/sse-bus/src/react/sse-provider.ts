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

/** Props of {@link SseProvider}: a client, or the options of one. */
export interface SseProviderProps extends SseClientOptions {
  readonly client?: SseClient | undefined;
  readonly children?: ReactNode;
}

/**
 * Gives the hooks below it their own connection, for example with another URL, a token or headers. It is
 * optional: without it, all hooks of a page share one connection to `/api/sse`.
 *
 * Options are read at the first render. Only `token` and `identity` may change: the connection is then
 * replaced without loss, and with another `identity` it leaves the tabs of the former one.
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
    // A function is called before each request anyway, and is usually a new one at every render.
    const isSame = typeof token === "function" || current.token === token;
    if (isSame && current.identity === identity) return;
    known.current = { token, identity };
    own.setToken(token, { identity });
  }, [own, token, identity]);
  return createElement(ClientContext.Provider, { value: client ?? own }, children);
}
