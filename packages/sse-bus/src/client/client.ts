import { isTopic } from "../core/channel-name.ts";
import { SseBusError } from "../core/errors.ts";
import type { AnyChannels, ChannelsOf } from "../core/types.ts";
import type { SseClientErrorCode } from "./client-error.ts";
import type { ClientHost } from "./client-host.ts";
import type { SseClient, SseClientOptions, SseConnection } from "./client-types.ts";
import { groupName } from "./credentials.ts";
import { defaultUrl } from "./default-url.ts";
import { joinGroup, type Group } from "./group.ts";
import type { LinkOptions } from "./link.ts";
import { transition, type SseClientEvent } from "./machine.ts";
import type { ErrorRecord, HubMessage } from "./protocol.ts";
import { createSnapshots } from "./snapshot.ts";
import { attach, deliver, type Subscription } from "./subscriptions.ts";
import { matcherOf } from "./topic.ts";
import { wishOf } from "./wish.ts";
import { startTimeout } from "../core/timers.ts";

type Settings = { -readonly [Name in keyof LinkOptions]: LinkOptions[Name] };

/** How long the connection outlives the last subscription: a page change must not cost it. */
const LINGER_MS = 1_000;

/**
 * Two after which nothing gets through, two that bring a page back, and what is a reason to look at the
 * line at once. `offline` is no more than that: the server may be on this machine or in this house.
 */
const PAGE_EVENTS = [
  "pagehide",
  "freeze",
  "pageshow",
  "resume",
  "online",
  "offline",
  "visibilitychange",
];

const CURSOR = /^(\w+-\w+-\w+|latest|earliest|)$/;

/**
 * Makes a client of an event-stream route. It connects with its first subscription.
 *
 * @example
 * ```ts
 * import type { bus } from "./lib/sse-bus.ts";
 *
 * const client = createSseClient<typeof bus>({ url: "/api/sse" });
 * const unsubscribe = client.subscribe("orders/42", (order) => console.log(order.total));
 * ```
 */
export function createSseClient<Bus = unknown>(
  options: SseClientOptions = {},
): SseClient<ChannelsOf<Bus>> {
  return createClient(options, globalThis) as unknown as SseClient<ChannelsOf<Bus>>;
}

/**
 * {@link createSseClient} on a page of one's own.
 *
 * @param isApart nobody shares its connection, so that it may start from `latest` or `earliest`
 */
export function createClient(
  options: SseClientOptions,
  host: ClientHost,
  isApart?: boolean,
): SseClient<AnyChannels> {
  const settings = { url: defaultUrl(), ...options, host } as Settings;
  const all = new Set<Subscription>();
  let connection: SseConnection = { status: "idle" };
  let group: Group | undefined;
  let { channels = [] } = options;
  let willWish = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watchers = new Set<() => void>();
  /** The streams that serve this tab, and whether each is up. */
  const lanes = new Map<number, boolean>();

  const report = (...record: ErrorRecord): void => {
    const { onError = globalThis.reportError ?? console.error } = options;
    // Apart from the message that it is about: an `onError` that throws must not end the stream.
    queueMicrotask(() => onError(new SseBusError<SseClientErrorCode>(...record)));
  };

  const call = (listener: (() => void) | undefined): void => {
    try {
      listener?.();
    } catch (error) {
      report("LISTENER_FAILED", String(error), { cause: error });
    }
  };

  const move = (event: SseClientEvent, error?: ErrorRecord, retryAt?: number): void => {
    const status = transition(connection.status, event);
    if (status === connection.status && !error) return;
    connection = { status, error: error && new SseBusError(...error), retryAt };
    watchers.forEach(call);
    all.forEach(({ onChange }) => call(onChange));
  };

  const receive = (message: HubMessage, lane: number): void => {
    switch (message[0]) {
      case "hello":
        settings.wasOpen = true;
        lanes.set(lane, true);
        settle();
        attach(all, lane, message, call);
        wish();
        break;
      case "block":
        deliver(all, lane, message, call, report);
        // A sign of life: the hub forgets who gives none.
        if (message[3] === "ping") wish();
        break;
      case "lost": {
        const [code] = message[1];
        // Maybe never mended by waiting, so not only told to who looks at the status.
        if (code === "CROSS_ORIGIN_FAILED" && connection.error?.code !== code)
          report(...message[1]);
        lanes.set(lane, false);
        move("lost", message[1], message[2]);
        break;
      }
      case "refuse":
        if (message[2]) {
          refuse(message[2], lane, message[1]);
        } else {
          lanes.delete(lane);
          move("refuse", message[1]);
        }
        report(...message[1]);
        break;
      case "idle":
        lanes.delete(lane);
        settle();
        break;
      default:
        retry(lane);
    }
  };

  /** The connection is open when all streams are. */
  const settle = (): void => {
    const states = [...lanes.values()];
    if (states.length && states.every(Boolean)) move("open");
  };

  const detach = (): void => {
    for (const one of all) one.live &&= false;
    lanes.clear();
    if (connection.status === "open") move("lost", ["STREAM_SILENT", "Silent."]);
  };

  const refuse = (keys: readonly string[], lane: number, error: ErrorRecord): void => {
    channels = channels.filter((key) => !keys.includes(key));
    for (const one of all) {
      if (!keys.includes(one.key)) continue;
      delete one.live;
      one.lane = lane;
      one.error = new SseBusError(...error);
      call(one.onChange);
    }
  };

  /** Asks again for what was refused: of a lane, or everything. */
  const retry = (lane?: number): void => {
    for (const one of all) if (lane === undefined || one.lane === lane) delete one.error;
    move("retry");
    wish();
  };

  /** Tells the hub all wishes, once for whatever changes in this turn. */
  const wish = (): void => {
    if (willWish) return;
    willWish = true;
    queueMicrotask(() => {
      willWish = false;
      // Where nobody subscribes any more, the connection outlives that for a moment.
      if (all.size) group?.wish();
    });
  };

  const enter = (): void => {
    group = joinGroup(settings, [receive, detach, () => wishOf(all, channels, settings.wasOpen)]);
  };

  const leave = (): void => {
    group?.close();
    group = undefined;
    detach();
  };

  const onPageEvent = ({ type }: Event): void => {
    const index = PAGE_EVENTS.indexOf(type);
    if (index < 2) {
      move("suspend");
      leave();
    } else if (group) {
      group.check();
    } else if (index < 4) {
      move("resume");
      enter();
    }
  };

  const listen = (verb: "addEventListener" | "removeEventListener"): void => {
    for (const type of PAGE_EVENTS) {
      // Some are the document's, and do not bubble; but all are captured on their way there.
      host[verb]?.(type, onPageEvent, true);
    }
  };

  const stop = (): void => {
    clearTimeout(timer);
    listen("removeEventListener");
    move("release");
    leave();
  };

  const close = (): void => {
    move("close");
    stop();
  };

  const subscribe: SseClient["subscribe"] = (key, listener, subscribing = {}) => {
    const { event, cursor = "", onGap, onStatus } = subscribing;
    // Would be refused, and ask the server for nothing.
    if (!isTopic(key)) throw new SseBusError("INVALID_CHANNEL", `Bad channel: ${key}`);
    const [start] = cursor.split("@") as [string];
    // Has the shape of a cursor, and is told as a gap.
    const at = CURSOR.test(start) ? start : "0-0-0";
    if (!isApart && at && !at.includes("-")) return begin(key, listener, subscribing);
    // Throws where a relative URL has no page to be relative to.
    settings.url = new URL(settings.url, host.location?.href).href;
    const one: Subscription = {
      key,
      covers: matcherOf(key),
      event,
      onMessage: listener as Subscription["onMessage"],
      onGap,
      onChange() {
        const { live, error } = one;
        const isNew = live === undefined && connection.status === "open";
        onStatus?.(
          error ? { status: "failed", error } : isNew ? { status: "connecting" } : connection,
        );
      },
      cursor: at,
    };
    all.add(one);
    if (connection.status === "idle") {
      listen("addEventListener");
      move("need");
      enter();
    } else {
      clearTimeout(timer);
      wish();
      call(one.onChange);
    }
    return () => {
      one.live = false;
      if (all.delete(one)) {
        if (all.size) wish();
        else timer = startTimeout(stop, LINGER_MS);
      }
      return one.cursor;
    };
  };

  const begin = createSnapshots(subscribe, () =>
    createClient({ ...settings, channels: [], shareTabs: false }, host, true),
  );

  return {
    subscribe,
    get status() {
      return connection.status;
    },
    getStatus: () => connection,
    subscribeStatus(listener) {
      watchers.add(listener);
      return () => void watchers.delete(listener);
    },
    reconnect() {
      if (group) group.renew();
      else if (connection.status === "paused") enter();
    },
    setToken(token, { identity } = settings) {
      const name = groupName(settings);
      Object.assign(settings, { token, identity });
      if (groupName(settings) === name) {
        group?.renew();
      } else if (group) {
        // Whoever shared must not get what this token may see.
        leave();
        retry();
        enter();
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}
