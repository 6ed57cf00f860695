"use client";

import { useCallback, useMemo, useSyncExternalStore } from "react";
import { createPresence } from "../client/presence.ts";
import type { PresenceHandle, PresenceMember, PresenceView } from "../client/presence-types.ts";
import type { SseClient } from "../client/client-types.ts";
import { useSse } from "./context.ts";
import { nextFrame } from "./next-frame.ts";

/** Options of {@link usePresence}. */
export interface UsePresenceOptions<Info = unknown, State = unknown> {
  /** The members until the stream is open, and what the server renders: `await bus.presence(channel).list()`. */
  readonly initial?: readonly PresenceMember<Info, State>[] | undefined;
  /** Where to send states. Read at the first render. @default `presence`, beside the URL of the stream */
  readonly url?: string | undefined;
  /** With `false`, the page leaves the channel. @default true */
  readonly enabled?: boolean | undefined;
}

/** The result of {@link usePresence}. */
export interface PresenceResult<Info = unknown, State = unknown> extends PresenceView<Info, State> {
  /** Sets what the others see of this member. The same function at every render. */
  readonly setState: PresenceHandle<Info, State>["setState"];
}

/**
 * Shows who is on a channel, and puts this page on it for as long as the component is mounted. All hooks of a
 * page share the members, and all tabs share a stream. A burst of changes renders once a frame.
 *
 * @example
 * ```tsx
 * const { members, setState } = usePresence<{ name: string }, { typing: boolean }>("rooms/1");
 * return <ul>{members.map(({ id, info }) => <li key={id}>{info?.name}</li>)}</ul>;
 * ```
 */
export function usePresence<Info = unknown, State = unknown>(
  channel: string,
  { initial = NOBODY, url, enabled = true }: UsePresenceOptions<Info, State> = {},
): PresenceResult<Info, State> {
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- not where a bus is registered
  const client = useSse() as unknown as SseClient;
  const presence = useMemo(
    () => createPresence<Info, State>(client, channel, { url }),
    // oxlint-disable-next-line react/exhaustive-deps -- `url` says where to start, once
    [client, channel],
  );
  const subscribe = useCallback(
    (notify: () => void) => {
      if (!enabled) return () => {};
      const frame = nextFrame(notify);
      const stop = presence.subscribe(frame.request);
      return () => {
        frame.cancel();
        stop();
      };
    },
    [presence, enabled],
  );
  const view = useSyncExternalStore<PresenceView>(subscribe, presence.getView, serverView);
  return useMemo(() => {
    const { status, error, members, self } = enabled ? (view as PresenceView<Info, State>) : IDLE;
    const isEarly = !members.length && (status === "idle" || status === "connecting");
    return {
      status,
      error,
      members: (isEarly ? initial : members) as readonly PresenceMember<Info, State>[],
      self: self as PresenceMember<Info, State> | undefined,
      setState: presence.setState,
    };
    // oxlint-disable-next-line react/exhaustive-deps -- `initial` is often a new array at every render
  }, [view, presence, enabled]);
}

const NOBODY: readonly never[] = [];
const IDLE: PresenceView = { status: "idle", members: [] };

function serverView(): PresenceView {
  return IDLE;
}
