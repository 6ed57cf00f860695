import type { ClientHost } from "./client-host.ts";

/** What happened to the page. */
export interface PageHandlers {
  /** The page is frozen or put into the back/forward cache: nothing gets through from here on. */
  onSuspend(): void;
  /** The page is in use again. */
  onResume(): void;
  /**
   * A reason to look at the stream at once. `offline` is no more than that: the server may be on this
   * machine or in the same network.
   */
  onHint(): void;
}

const HANDLER_OF = {
  pagehide: "onSuspend",
  freeze: "onSuspend",
  pageshow: "onResume",
  resume: "onResume",
  online: "onHint",
  offline: "onHint",
  visibilitychange: "onHint",
} as const satisfies Record<string, keyof PageHandlers>;

/** Listens to the events of a page. Returns the function that stops it. */
export function watchPage(host: ClientHost, handlers: PageHandlers): () => void {
  const onEvent = ({ type }: Event): void =>
    handlers[HANDLER_OF[type as keyof typeof HANDLER_OF]]();
  const types = Object.keys(HANDLER_OF);
  // Some are events of the document that do not bubble; but all are captured on their way there.
  for (const type of types) host.addEventListener?.(type, onEvent, true);
  return () => {
    for (const type of types) host.removeEventListener?.(type, onEvent, true);
  };
}
