"use client";

import { useCallback, useSyncExternalStore } from "react";
import type { ChannelStore } from "./channel-store.ts";
import type { ChannelResult } from "./channel-result.ts";

/** Renders a channel's store. A hook that is not enabled is idle and keeps its data. */
export function useStore(store: ChannelStore, enabled: boolean): ChannelResult<unknown> {
  const subscribe = useCallback(
    (notify: () => void) => (enabled ? store.subscribe(notify) : () => {}),
    [store, enabled],
  );
  const { connection, data, gap } = useSyncExternalStore(
    subscribe,
    store.snapshot,
    store.serverSnapshot,
  );
  const { status, error } = connection;
  return { status: enabled ? status : "idle", data, error, gap } as ChannelResult<unknown>;
}
