import type { ClientHost } from "./client-host.ts";
import type { SseConnection, SseTransport } from "./client-types.ts";
import { interestOf } from "./interest.ts";
import { watchPage } from "./page-events.ts";
import type { ErrorRecord, MultiplexerMessage } from "./protocol.ts";
import { errorOf, report } from "./report.ts";
import type { ClientSettings } from "./settings.ts";
import { type SseClientEvent, transition } from "./status.ts";
import { attach, type ClientSubscription, deliver, lose } from "./subscriptions.ts";
import { joinTabGroup, type TabGroup } from "./tab-group.ts";

/** What the subscriptions of a page share: its place in a tab group, and a status. */
export interface PageConnection {
  /** A new object whenever something has changed. */
  status(): SseConnection;
  readonly statusListeners: Set<() => void>;
  /** Calls a function of the user's. An error that it throws is reported. */
  call(listener: (() => void) | undefined): void;
  start(): void;
  stop(): void;
  close(): void;
  /** Sends the interest once for all that changes in this turn. */
  sendInterest(): void;
  /** Replaces the stream by a new one with fresh credentials, if there is one. */
  renew(): void;
  /** The same, and a page that was suspended connects as well. */
  reconnect(): void;
  /** Joins the group that the settings name now, and leaves the former one. */
  rejoin(): void;
}

/** For each type of message, what handles it. */
type MessageHandlers = {
  readonly [Type in MultiplexerMessage["type"]]: (
    message: Extract<MultiplexerMessage, { readonly type: Type }>,
    lane: number,
  ) => void;
};

export function createPageConnection(
  settings: ClientSettings,
  host: ClientHost,
  subscriptions: ReadonlySet<ClientSubscription>,
): PageConnection {
  const statusListeners = new Set<() => void>();
  /** The lanes that serve this page. */
  const lanes = new Map<number, SseTransport | "lost">();
  let channels = settings.channels ?? [];
  let connection: SseConnection = { status: "idle" };
  /** Undefined while the client is idle, paused or closed. */
  let group: TabGroup | undefined;
  let isInterestDue = false;
  let stopWatching: (() => void) | undefined;

  const call = (listener: (() => void) | undefined): void => {
    try {
      listener?.();
    } catch (cause) {
      report(settings, { code: "LISTENER_FAILED", message: String(cause), cause });
    }
  };

  /** The only place that changes the status. */
  const dispatch = (event: SseClientEvent, error?: ErrorRecord, retryAt?: number): void => {
    const status = transition(connection.status, event);
    const transport =
      status === "open" ? ([...lanes.values()].includes("poll") ? "poll" : "stream") : undefined;
    if (status === connection.status && transport === connection.transport && !error) return;
    connection = { status, transport, error: error && errorOf(error), retryAt };
    statusListeners.forEach(call);
    for (const { onChange } of subscriptions) call(onChange);
  };

  /** What each message of a multiplexer does. */
  const on: MessageHandlers = {
    hello(message, lane) {
      settings.wasOpen = true;
      settings.ladder = message.ladder;
      lanes.set(lane, message.transport ?? "stream");
      openIfAllAre();
      attach(subscriptions, lane, message, call);
      sendInterest();
    },
    frame(message, lane) {
      settings.onFrame?.(message);
      deliver(subscriptions, lane, message, {
        call,
        report: (error) => report(settings, error),
      });
      // The leader forgets tabs that do not repeat their interest.
      if (message.event === "ping") sendInterest();
    },
    lost({ error, retryAt }, lane) {
      // Waiting may never resolve this error, so it is also reported, once.
      const isNews = connection.error?.code !== error.code;
      if (error.code === "CROSS_ORIGIN_FAILED" && isNews) report(settings, error);
      lanes.set(lane, "lost");
      dispatch("lost", error, retryAt);
    },
    refused({ error, channels: refused }, lane) {
      report(settings, error);
      if (!refused) {
        lanes.delete(lane);
        dispatch("refuse", error);
        return;
      }
      channels = channels.filter((channel) => !refused.includes(channel));
      for (const one of subscriptions) {
        if (!refused.includes(one.channel)) continue;
        one.state = "refused";
        one.lane = lane;
        one.error = errorOf(error);
        call(one.onChange);
      }
    },
    idle(_, lane) {
      lanes.delete(lane);
      openIfAllAre();
    },
    retry: (_, lane) => retry(lane),
  };

  const openIfAllAre = (): void => {
    if (lanes.size && ![...lanes.values()].includes("lost")) dispatch("open");
  };

  /** Asks again for what was refused in a lane, or in all. */
  const retry = (lane?: number): void => {
    for (const one of subscriptions) {
      if (one.state !== "refused" || (lane !== undefined && one.lane !== lane)) continue;
      one.state = "new";
      delete one.error;
    }
    dispatch("retry");
    sendInterest();
  };

  const onDetach = (): void => {
    subscriptions.forEach(lose);
    lanes.clear();
    if (connection.status !== "open") return;
    dispatch("lost", { code: "STREAM_SILENT", message: "Silent." });
  };

  const sendInterest = (): void => {
    if (isInterestDue) return;
    isInterestDue = true;
    queueMicrotask(() => {
      isInterestDue = false;
      // Without subscriptions the connection lingers.
      if (subscriptions.size) group?.sendInterest();
    });
  };

  const join = (): void => {
    group = joinTabGroup(settings, {
      onMessage: (message, lane) => on[message.type](message as never, lane),
      onDetach,
      interest: () => ({
        channels: interestOf(subscriptions, channels),
        wasOpen: settings.wasOpen === true,
      }),
    });
  };

  const leave = (): void => {
    group?.close();
    group = undefined;
    onDetach();
  };

  const stop = (): void => {
    stopWatching?.();
    dispatch("release");
    leave();
  };

  return {
    status: () => connection,
    statusListeners,
    call,
    sendInterest,
    stop,
    start() {
      stopWatching = watchPage(host, {
        onSuspend() {
          dispatch("suspend");
          leave();
        },
        onResume() {
          if (group) return group.check();
          dispatch("resume");
          join();
        },
        onHint: () => group?.check(),
      });
      dispatch("need");
      join();
    },
    close() {
      dispatch("close");
      stop();
    },
    renew: () => group?.renew(),
    reconnect() {
      if (group) group.renew();
      else if (connection.status === "paused") join();
    },
    rejoin() {
      if (!group) return;
      leave();
      retry();
      join();
    },
  };
}
