"use client";

import { useInsertionEffect, useMemo } from "react";
import type { OwnClient } from "../client/settings.ts";
import type { LiveDefinition, LiveSnapshot } from "../core/live/live-types.ts";
import { useSse } from "./context.ts";
import { createLiveStore } from "./live-store.ts";
import type { ChannelResult } from "./channel-result.ts";
import { useStore } from "./use-store.ts";

/** What {@link useLive} needs of a live value: the result of `defineLive`. */
export interface LiveValue<Value> {
  readonly channel: string;
  readonly event: string | undefined;
  readonly initial: Value;
}

/** Options of {@link useLive}. */
export interface UseLiveOptions {
  /** `false` ends the subscription of this hook; `true` continues it from where it was. @default true */
  readonly enabled?: boolean | undefined;
}

/**
 * Renders a live value: starts from what `live.read(bus)` gave on the server, and reduces each message since
 * then. All hooks of a page, and all tabs, share one connection. A burst of messages renders at most once a
 * frame.
 *
 * After a gap, the hook folds what the log keeps again, as the server does. Until then `data` is the old value
 * and `status` is `connecting`; `gap` is the last gap.
 *
 * @param snapshot read at the first render of a channel. Without it, the hook folds what the log keeps
 * @example
 * ```tsx
 * const { data, status } = useLive(board, snapshot);
 * return <p data-live={status === "open"}>{data.home} : {data.away}</p>;
 * ```
 */
export function useLive<Value>(
  live: LiveValue<Value>,
  snapshot?: LiveSnapshot<NoInfer<Value>>,
  { enabled = true }: UseLiveOptions = {},
): ChannelResult<Value> {
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- not where a bus is registered
  const client = useSse() as unknown as OwnClient;
  const definition = live as LiveValue<Value> & LiveDefinition;
  const store = useMemo(
    () => createLiveStore(client, definition, snapshot),
    // oxlint-disable-next-line react/exhaustive-deps -- `snapshot` says how to start, once
    [client, live.channel, live.event],
  );
  // Before the effects of this commit, so that no message meets the reducer of an earlier render.
  useInsertionEffect(() => {
    store.live = definition;
  });
  return useStore(store, enabled) as ChannelResult<Value>;
}
