import type { ClientHost } from "./client-host.ts";

/** What happened to the page. */
export interface PageHandlers {
  /** The page is frozen or put into the back/forward cache: it receives nothing from now on. */
  readonly onSuspend: () => void;
  /** The page is in use again. */
  readonly onResume: () => void;
  /**
   * A reason to look at the stream at once. `offline` is no more than that: the server may be on this
   * machine or in the same network.
   */
  readonly onHint: () => void;
}

/** Listens to the events of a page. Returns the function that stops it. */
export function watchPage(
  host: ClientHost,
  { onSuspend, onResume, onHint }: PageHandlers,
): () => void {
  const listeners = Object.entries({
    pagehide: onSuspend,
    freeze: onSuspend,
    pageshow: onResume,
    resume: onResume,
    online: onHint,
    offline: onHint,
    visibilitychange: onHint,
  });
  // Some are events of the document that do not bubble; but all are captured on their way there.
  for (const [type, listener] of listeners) host.addEventListener?.(type, listener, true);
  const network = host.navigator?.connection;
  network?.addEventListener("change", onHint);
  return () => {
    for (const [type, listener] of listeners) host.removeEventListener?.(type, listener, true);
    network?.removeEventListener("change", onHint);
  };
}
