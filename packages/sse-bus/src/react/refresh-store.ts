import type { SseClient } from "../client/client-types.ts";
import { report } from "../client/report.ts";
import { type OwnClient, SETTINGS } from "../client/settings.ts";
import type { ErrorRecord } from "../client/protocol.ts";
import { isSseBusError } from "../core/errors.ts";
import { createRefresher } from "./refresher.ts";

/** The options of the hook that may change with every render. */
export interface RefreshSettings {
  readonly refresh: () => unknown;
  readonly windowMs?: number | undefined;
  readonly whenHidden?: boolean | undefined;
}

/** The state of one `useRefresh`, outside of React. */
export interface RefreshStore {
  settings: RefreshSettings;
  /** Subscribes. Returns the function that ends it; a later start continues from there. */
  start(): () => void;
}

export interface RefreshStoreOptions {
  readonly channel: string;
  readonly event: string | undefined;
  readonly cursor: string | undefined;
  readonly settings: RefreshSettings;
}

const WINDOW_MS = 1_000;

/**
 * Requests a refresh after each message and each gap, and, without a cursor, when the stream opens: what was
 * published between the load of the data and that moment is unknown.
 */
export function createRefreshStore(
  client: SseClient,
  { channel, event, cursor: first, settings }: RefreshStoreOptions,
): RefreshStore {
  const own = (client as OwnClient)[SETTINGS] ?? {};
  const fail = (error: ErrorRecord): void => report(own, error);
  let cursor = first;
  let isLive = false;
  const store: RefreshStore = {
    settings,
    start() {
      let isCurrent = Boolean(cursor);
      let unsubscribe = (): string => "";
      try {
        unsubscribe = client.subscribe(channel, refresher.request, {
          ...(event !== undefined && { event }),
          ...(cursor && { cursor }),
          onGap: refresher.request,
          onStatus({ status }) {
            isLive = status === "open";
            if (isLive && !isCurrent) {
              isCurrent = true;
              refresher.request();
            } else {
              refresher.check();
            }
          },
        });
      } catch (error) {
        // This runs in an effect: an error thrown here would unmount the whole page.
        if (!isSseBusError(error)) throw error;
        fail(error as unknown as ErrorRecord);
      }
      const page = globalThis.document;
      page?.addEventListener("visibilitychange", refresher.check);
      refresher.check();
      return () => {
        page?.removeEventListener("visibilitychange", refresher.check);
        cursor = unsubscribe() || cursor;
        isLive = false;
        refresher.stop();
      };
    },
  };
  const refresher = createRefresher({
    refresh: () => store.settings.refresh(),
    windowMs: () => store.settings.windowMs ?? WINDOW_MS,
    // While the stream is lost, the server may be down: with `router.refresh()`, a request that fails would
    // make Next.js leave the page, for an error page of the browser.
    isHeld: () =>
      !isLive || (!store.settings.whenHidden && globalThis.document?.visibilityState === "hidden"),
    onError: (cause) =>
      fail({ code: "LISTENER_FAILED", message: `A refresh failed: ${String(cause)}`, cause }),
  });
  return store;
}
