import { SseBusError } from "../core/errors.ts";
import type { AnyChannels, ChannelsOf } from "../core/types.ts";
import type { SseClientErrorCode } from "./client-error.ts";
import type {
  SseClient,
  SseClientOptions,
  SseConnection,
  SseSubscribeOptions,
} from "./client-types.ts";
import { groupName } from "./credentials.ts";
import { toCursor } from "./cursor.ts";
import { joinGroup, type Group, type GroupHost } from "./group.ts";
import type { HubOptions } from "./hub.ts";
import { transition, type SseClientEvent } from "./machine.ts";
import type { ErrorRecord, HubMessage } from "./protocol.ts";
import { attach, deliver, wishOf, type Subscription } from "./subscriptions.ts";
import { matcherOf } from "./topic.ts";

/** What the client needs of its page. */
export interface ClientHost
  extends GroupHost, Partial<Pick<EventTarget, "addEventListener" | "removeEventListener">> {
  readonly location?: { readonly href: string };
}

type Settings = { -readonly [Name in keyof HubOptions]: HubOptions[Name] };

/** How long the connection outlives the last subscription: a page change must not cost it. */
const LINGER_MS = 1_000;
/** How long a browser that calls itself offline is believed. */
const PROBE_MS = 30_000;

const SUSPENDING = ["offline", "pagehide", "freeze"];
const WAKING = ["online", "pageshow", "resume", "visibilitychange"];

/** The server checks names wholly; but a wild one would cost all the others their connection. */
const CHANNEL = /^[\w.~:*/-]{1,200}$/;

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
 * @param heads called once, when a `ping` tells that nothing older is to come; with it, subscriptions
 *   may start from `latest` or `earliest`
 */
export function createClient(
  options: SseClientOptions,
  host: ClientHost,
  heads?: Set<() => void>,
): SseClient<AnyChannels> {
  const settings = { url: "/api/sse", ...options } as Settings;
  const all = new Set<Subscription>();
  let connection: SseConnection = { status: "idle" };
  let group: Group | undefined;
  let { channels = [] } = options;
  let willWish = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watchers = new Set<() => void>();
  /** Clients on which subscriptions begin; by start, the one of this turn, and what its head is to do. */
  const apart = new Set<SseClient>();
  const starters = new Map<string, readonly [SseClient, Set<() => void>]>();

  const report = (...record: ErrorRecord): void => {
    const error = new SseBusError<SseClientErrorCode>(...record);
    if (options.onError) options.onError(error);
    else (globalThis.reportError ?? console.error)(error);
  };

  const call = (listener: (() => void) | undefined): void => {
    try {
      listener?.();
    } catch (error) {
      report("LISTENER_FAILED", `${error}`, { cause: error });
    }
  };

  const move = (event: SseClientEvent, error?: ErrorRecord, retryAt?: number): void => {
    const status = transition(connection.status, event);
    if (status === connection.status && !(error && status === "reconnecting")) return;
    connection = { status, error: error && new SseBusError(...error), retryAt };
    watchers.forEach(call);
    for (const { onChange } of [...all]) call(onChange);
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
        if (message[3] !== "ping") break;
        wish();
        heads?.forEach(call);
        heads?.clear();
        break;
      case "lost":
        move("lost", message[1], message[2]);
        break;
      case "refuse":
        refuse(message[1], message[2]);
        break;
      default:
        for (const one of all) delete one.error;
        move("retry");
        wish();
    }
  };

  const detach = (): void => {
    for (const one of all) one.live &&= false;
    if (connection.status === "open") move("lost", ["STREAM_SILENT", "Another tab takes over."]);
  };

  const refuse = (error: ErrorRecord, keys?: readonly string[]): void => {
    if (keys) {
      const isHit = (key: string): boolean => keys.includes(key);
      channels = channels.filter((key) => !isHit(key));
      for (const one of all) {
        if (one.live || !isHit(one.key)) continue;
        one.error = new SseBusError(...error);
        call(one.onChange);
      }
    } else {
      move("refuse", error);
    }
    report(...error);
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
    group = joinGroup(groupName(settings), {
      host,
      settings,
      tab: [receive, detach, () => wishOf(all, channels)],
    });
  };

  const leave = (): void => {
    clearTimeout(timer);
    group?.close();
    group = undefined;
    for (const one of all) one.live &&= false;
  };

  const onPageEvent = ({ type }: Event): void => {
    if (SUSPENDING.includes(type)) {
      leave();
      move("suspend");
      if (type === "offline") timer = setTimeout(enter, PROBE_MS);
    } else if (group || type !== "visibilitychange") {
      move("resume");
      if (group) return group.check();
      clearTimeout(timer);
      enter();
    }
  };

  const listen = (verb: "addEventListener" | "removeEventListener"): void => {
    for (const type of [...SUSPENDING, ...WAKING]) {
      // Some are the document's, and do not bubble; but all are captured on their way there.
      host[verb]?.(type, onPageEvent, true);
    }
  };

  const stop = (): void => {
    listen("removeEventListener");
    leave();
    move("release");
  };

  const close = (): void => {
    if (connection.status !== "idle") stop();
    for (const starter of apart) starter.close();
    move("close");
  };

  const subscribe: SseClient["subscribe"] = (key, listener, subscribing = {}) => {
    const { event, cursor = "", onGap, onStatus } = subscribing;
    if (!CHANNEL.test(key)) {
      throw new SseBusError("INVALID_CHANNEL", `"${key}" is no channel or pattern.`);
    }
    if (!heads && /^(latest|earliest)$/.test(cursor)) return begin(key, listener, subscribing);
    // Throws where a relative URL has no page to be relative to.
    settings.url = new URL(settings.url, host.location?.href).href;
    const one: Subscription = {
      key,
      covers: matcherOf(key),
      onMessage(message) {
        if (!event || event === message.event) listener(message.data as never, message as never);
      },
      onGap,
      onChange() {
        const isNew = one.live === undefined && connection.status === "open";
        onStatus?.(
          one.error
            ? { status: "failed", error: one.error }
            : isNew
              ? { status: "connecting" }
              : connection,
        );
      },
      cursor: toCursor(cursor),
    };
    all.add(one);
    if (connection.status === "idle") {
      listen("addEventListener");
      move("need");
      enter();
    } else {
      if (group) clearTimeout(timer);
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

  /**
   * Only a connection apart can start from a snapshot: it would start the others there too. Once it
   * has reached the head, what it serves goes on from its cursor like everything else.
   */
  const begin: SseClient["subscribe"] = (key, listener, subscribing = {}) => {
    const start = subscribing.cursor as string;
    let starter = starters.get(start);
    if (!starter) {
      const atHead = new Set([() => void apart.delete(client)]);
      const client = createClient({ ...settings, channels: [], shareTabs: false }, host, atHead);
      apart.add(client);
      starter = [client, atHead];
      starters.set(start, starter);
      // What else starts in this turn, starts with it.
      queueMicrotask(() => starters.delete(start));
    }
    const [client, atHead] = starter;
    const hold = subscribe(key, () => {});
    let end = client.subscribe(key, listener, subscribing);
    const goOn = (): void => {
      end = subscribe(key, listener, { ...subscribing, cursor: end() });
      hold();
    };
    atHead.add(goOn);
    return () => {
      atHead.delete(goOn);
      hold();
      return end();
    };
  };

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
      settings.token = token;
      group?.move(groupName(settings));
      group?.renew();
    },
    close,
    [Symbol.dispose]: close,
  };
}
