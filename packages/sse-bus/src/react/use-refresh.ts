"use client";

import { startTransition, useEffect, useInsertionEffect, useMemo, useState } from "react";
import type { SseClient } from "../client/client-types.ts";
import type { EventName, TopicName } from "../core/types.ts";
import { useSse } from "./context.ts";
import { createRefreshStore, type RefreshSettings } from "./refresh-store.ts";
import type { RegisteredChannels as Channels } from "../core/register.ts";

/** Options of {@link useRefresh}. */
export interface RefreshOptions<Event extends string = string> {
  /**
   * Where the data stands: the `cursor` of `await bus.snapshot(load)`. Read at the first render of a channel.
   * @default one refresh when the stream opens, because changes may have come before
   */
  readonly cursor?: string | undefined;
  /** The shortest time from one refresh to the next, in ms. @default 1_000 */
  readonly windowMs?: number | undefined;
  /** Only events of this name. @default all */
  readonly event?: Event | undefined;
  /** Refreshes a hidden page, too, instead of once when it is shown. @default false */
  readonly whenHidden?: boolean | undefined;
  /** `false` ends the subscription of this hook; `true` continues it from where it was. @default true */
  readonly enabled?: boolean | undefined;
}

/**
 * Calls `refresh` when the data behind a channel or pattern may have changed: after messages, and after a gap.
 * The first message refreshes at once; all that follow within `windowMs` share one more refresh. A message that
 * arrives while a refresh runs is followed by another refresh, so that the page never stays behind. While the
 * page is hidden or its stream is lost, the refresh waits.
 *
 * A refresh runs until its promise is settled and React shows what it has rendered, at most 30 s. Its errors
 * go to `onError` of the client as `LISTENER_FAILED`; the next message, and the next time that the stream
 * opens or the page is shown, refreshes again.
 *
 * `refresh` must load what is committed: publish after the commit, or in the transaction (`tx`).
 *
 * @example
 * ```tsx
 * const router = useRouter();
 * useRefresh("orders", router.refresh, { cursor });
 * ```
 */
export function useRefresh<
  Topic extends TopicName<Channels>,
  const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
>(channel: Topic, refresh: () => unknown, options?: RefreshOptions<Event>): void;
export function useRefresh(
  channel: string,
  refresh: () => unknown,
  { cursor, windowMs, event, whenHidden, enabled = true }: RefreshOptions = {},
): void {
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- not where a bus is registered
  const client = useSse() as unknown as SseClient;
  const [shown, setShown] = useState<() => void>();
  const settings: RefreshSettings = {
    windowMs,
    whenHidden,
    // React shows this state together with what `refresh` changes in the same transition: with
    // `router.refresh()`, which returns nothing, when the new page has been received.
    async refresh() {
      let result: unknown;
      const isShown = new Promise<void>((resolve) => {
        startTransition(() => {
          setShown(() => resolve);
          // Async, so that an error stays out of the transition: React would show an error page.
          result = (async () => refresh())();
        });
      });
      await Promise.all([result, isShown]);
    },
  };
  const store = useMemo(
    () => createRefreshStore(client, { channel, event, cursor, settings }),
    // oxlint-disable-next-line react/exhaustive-deps -- `cursor` says how to start, once
    [client, channel, event],
  );
  // Before the effects of this commit, so that none of them meets the settings of an earlier render.
  useInsertionEffect(() => {
    store.settings = settings;
  });
  useEffect(() => (enabled ? store.start() : undefined), [store, enabled]);
  useEffect(() => shown?.(), [shown]);
}
