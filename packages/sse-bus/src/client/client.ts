import { SseBusError } from "../core/errors.ts";
import type { AnyChannels, ChannelsOf } from "../core/types.ts";
import type { SseClientErrorCode } from "./client-error.ts";
import type { SseClient, SseClientOptions, SseConnection } from "./client-types.ts";
import { groupName } from "./credentials.ts";
import { defaultUrl } from "./default-url.ts";
import { joinGroup, type Group, type GroupHost } from "./group.ts";
import type { LinkOptions } from "./link.ts";
import { transition, type SseClientEvent } from "./machine.ts";
import type { ErrorRecord, HubMessage } from "./protocol.ts";
import { createSnapshots } from "./snapshot.ts";
import { attach, deliver, type Subscription } from "./subscriptions.ts";
import { matcherOf } from "./topic.ts";
import { wishOf } from "./wish.ts";

/** What the client needs of its page. */
export interface ClientHost
  extends GroupHost, Partial<Pick<EventTarget, "addEventListener" | "removeEventListener">> {
  readonly location?: { readonly href: string };
}

type Settings = { -readonly [Name in keyof LinkOptions]: LinkOptions[Name] };

/** How long the connection outlives the last subscription: a page change must not cost it. */
const LINGER_MS = 1_000;

/** Three after which nothing gets through, and those that bring a page back. */
const PAGE_EVENTS = [
  "offline",
  "pagehide",
  "freeze",
  "online",
  "pageshow",
  "resume",
  "visibilitychange",
];

// What is neither would be refused, and cost all the others their connection.
const CHANNEL = /^[\w.~:*/-]{1,200}$/;
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
  const settings = { url: defaultUrl(), ...options } as Settings;
  const all = new Set<Subscription>();
  let connection: SseConnection = { status: "idle" };
  let group: Group | undefined;
  let { channels = [] } = options;
  let willWish = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watchers = new Set<() => void>();

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

  const receive = (message: HubMessage): void => {
    switch (message[0]) {
      case "hello":
        move("open");
        attach(all, message, call);
        wish();
        break;
      case "block":
        deliver(all, message, call, report);
        // A sign of life: the hub forgets who gives none.
        if (message[3] === "ping") wish();
        break;
      case "lost":
        move("lost", message[1], message[2]);
        break;
      case "refuse":
        if (message[2]) refuse(message[2], message[1]);
        else move("refuse", message[1]);
        report(...message[1]);
        break;
      default:
        for (const one of all) delete one.error;
        move("retry");
        wish();
    }
  };

  const detach = (): void => {
    for (const one of all) one.live &&= false;
    if (connection.status === "open") move("lost", ["STREAM_SILENT", "Silent."]);
  };

  const refuse = (keys: readonly string[], error: ErrorRecord): void => {
    channels = channels.filter((key) => !keys.includes(key));
    for (const one of all) {
      if (!keys.includes(one.key)) continue;
      delete one.live;
      one.error = new SseBusError(...error);
      call(one.onChange);
    }
  };

  /** Tells the hub all wishes, once for whatever changes in this turn. */
  const wish = (): void => {
    if (willWish) return;
    willWish = true;
    queueMicrotask(() => {
      willWish = false;
      group?.wish();
    });
  };

  const enter = (): void => {
    group = joinGroup(settings, [receive, detach, () => wishOf(all, channels), host]);
  };

  const leave = (): void => {
    group?.close();
    group = undefined;
    detach();
  };

  const onPageEvent = ({ type }: Event): void => {
    if (PAGE_EVENTS.indexOf(type) < 3) {
      move("suspend");
      leave();
    } else if (group || type !== "visibilitychange") {
      move("resume");
      if (group) group.check();
      else enter();
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
    if (!CHANNEL.test(key)) {
      throw new SseBusError("INVALID_CHANNEL", `Bad channel: ${key}`);
    }
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
        else timer = setTimeout(stop, LINGER_MS);
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
    setToken(token) {
      const name = groupName(settings);
      settings.token = token;
      if (groupName(settings) === name) {
        group?.renew();
      } else if (group) {
        // Whoever shared must not get what this token may see.
        leave();
        enter();
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}
