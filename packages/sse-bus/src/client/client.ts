import { SseBusError } from "../core/errors.ts";
import type { AnyChannels, ChannelsOf } from "../core/types.ts";
import { toError, type ErrorRecord } from "./client-error.ts";
import type {
  SseClient,
  SseClientOptions,
  SseConnection,
  SseSubscribeOptions,
} from "./client-types.ts";
import { groupName, resolveHeaders } from "./credentials.ts";
import { toCursor } from "./cursor.ts";
import { joinGroup, type Group, type GroupHost } from "./group.ts";
import { createHub } from "./hub.ts";
import { transition, type SseClientEvent } from "./machine.ts";
import { isOwnStart, type HubMessage } from "./protocol.ts";
import { createSubscriptions, type ReceivedMessage, type Subscription } from "./subscriptions.ts";

/** What the client needs of its page. */
export interface ClientHost {
  readonly document?: Listening & Pick<Document, "visibilityState">;
  readonly navigator?: { readonly locks?: GroupHost["locks"] };
  readonly BroadcastChannel?: GroupHost["BroadcastChannel"];
  readonly addEventListener?: Listening["addEventListener"];
  readonly removeEventListener?: Listening["removeEventListener"];
}

type Listening = Pick<EventTarget, "addEventListener" | "removeEventListener">;

/** How long the connection outlives the last subscription: a page change must not cost it. */
const LINGER_MS = 1_000;
/** How long a browser that calls itself offline is believed. */
const PROBE_MS = 30_000;

const PAGE_EVENTS = ["online", "offline", "pagehide", "pageshow"];
const DOCUMENT_EVENTS = ["freeze", "resume", "visibilitychange"];

/** A channel or pattern, as the server checks it: one bad name would cost the whole connection a 400. */
const CHANNEL = /^(?=.{1,200}$)(?:(?:[\w.~:-]*|\*)(?:\/|$))*(?:\*\*)?$/;

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

/** {@link createSseClient} on a page of one's own. */
export function createClient(options: SseClientOptions, host: ClientHost): SseClient<AnyChannels> {
  const { url = "/api/sse", withCredentials = false, identity } = options;
  let { token } = options;
  let connection: SseConnection = { status: "idle" };
  let group: Group | undefined;
  /** The group's name, when others may share it. */
  let name: string | undefined;
  let known: { readonly headers: Record<string, string>; readonly at: number } | undefined;
  let entries = 0;
  let users = 0;
  let base: readonly Subscription[] = [];
  let willWish = false;
  let lingering: ReturnType<typeof setTimeout> | undefined;
  let probing: ReturnType<typeof setTimeout> | undefined;
  const watchers = new Set<() => void>();

  const report = (record: ErrorRecord): void => {
    const error = toError(record);
    if (options.onError) options.onError(error);
    else (globalThis.reportError ?? console.error)(record.cause ?? error);
  };
  const subscriptions = createSubscriptions(report);

  const move = (event: SseClientEvent, record?: ErrorRecord, retryAt?: number): void => {
    const status = transition(connection.status, event);
    const isNews = record && (event === "refuse" || status === "reconnecting");
    if (status === connection.status && !isNews) return;
    connection = { status, error: record && toError(record), retryAt };
    for (const watcher of [...watchers]) subscriptions.call(watcher);
    for (const { onChange } of [...subscriptions.all]) subscriptions.call(onChange);
  };

  const onMessage = (message: HubMessage): void => {
    switch (message.type) {
      case "hello":
        move("open");
        if (!subscriptions.attach(message)) wish();
        break;
      case "block":
        subscriptions.deliver(message);
        break;
      case "lost":
        move("lost", message.error, message.retryAt);
        break;
      case "refuse":
        if (message.keys) subscriptions.refuse(message.keys, message.error);
        else move("refuse", message.error);
        report(message.error);
        break;
      case "retry":
        subscriptions.forgive();
        move("retry");
        wish();
        break;
      default:
    }
  };

  /** Tells the hub all wishes, once for whatever changes in this turn. */
  const wish = (): void => {
    if (willWish) return;
    willWish = true;
    queueMicrotask(() => {
      willWish = false;
      group?.wish(subscriptions.wishes());
    });
  };

  const silent = (message: string): void => {
    if (connection.status === "open") move("lost", { code: "STREAM_SILENT", message });
  };

  const nameOf = (headers: Record<string, string>): string => {
    const address = new URL(url, globalThis.location?.href).href;
    return groupName([address, withCredentials, identity ?? Object.entries(headers).sort()]);
  };

  const headers = async (refused: boolean): Promise<Record<string, string>> => {
    // Asked a moment ago to find the group: a token source may be dear.
    const fresh = !refused && known && Date.now() - known.at < 1_000 && known.headers;
    known = undefined;
    const resolved = fresh || (await resolveHeaders({ headers: options.headers, token }, refused));
    if (name !== undefined && name !== nameOf(resolved)) {
      // Those who share must not get what other credentials may see.
      name = nameOf(resolved);
      group?.move(name);
    }
    return resolved;
  };

  const enter = async (): Promise<void> => {
    const entry = ++entries;
    const locks = host.navigator?.locks;
    const { BroadcastChannel, document } = host;
    let sharing: GroupHost | undefined;
    name = undefined;
    if (
      locks &&
      BroadcastChannel &&
      document &&
      (options.shareTabs ?? (!options.fetch || identity))
    ) {
      try {
        const found = identity === undefined ? await headers(false) : {};
        if (entry !== entries) return;
        name = nameOf(found);
        known = identity === undefined ? { headers: found, at: Date.now() } : undefined;
        sharing = { locks, BroadcastChannel };
      } catch {
        // What fails here fails again, and is told, when the hub asks.
        if (entry !== entries) return;
      }
    }
    group = joinGroup(name ?? "", sharing, {
      createHub: (tell) =>
        createHub(
          {
            url,
            withCredentials,
            headers,
            fetch: options.fetch ?? globalThis.fetch,
            connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
            backoff: options.backoff ?? {},
            canRefresh: () => typeof token === "function",
          },
          tell,
        ),
      onMessage,
      onHub() {
        subscriptions.detach();
        silent("Another tab takes over.");
        return subscriptions.wishes();
      },
      onSilence: () => silent("The tab that has the connection is silent."),
    });
  };

  const leave = (): void => {
    entries++;
    clearTimeout(probing);
    group?.leave();
    group = undefined;
    subscriptions.detach();
  };

  const onPageEvent = ({ type }: Event): void => {
    if (type === "visibilitychange") {
      if (host.document?.visibilityState === "visible") group?.check();
    } else if (type === "online" || type === "pageshow" || type === "resume") {
      clearTimeout(probing);
      move("resume");
      if (group) group.check();
      else void enter();
    } else {
      leave();
      move("suspend");
      if (type === "offline") probing = setTimeout(() => void enter(), PROBE_MS);
    }
  };

  const listen = (verb: "addEventListener" | "removeEventListener"): void => {
    for (const type of PAGE_EVENTS) host[verb]?.(type, onPageEvent);
    for (const type of DOCUMENT_EVENTS) host.document?.[verb](type, onPageEvent);
  };

  const start = (): void => {
    base = (options.channels ?? []).map((key) => ({ key: checked(key), cursor: "" }));
    base.forEach(subscriptions.add);
    move("need");
    listen("addEventListener");
    void enter();
  };

  const stop = (): void => {
    clearTimeout(lingering);
    lingering = undefined;
    base.forEach(subscriptions.remove);
    listen("removeEventListener");
    leave();
    move("release");
  };

  const statusOf = ({ error, link }: Subscription): SseConnection => {
    if (error) return { status: "failed", error };
    return !link && connection.status === "open" ? { status: "connecting" } : connection;
  };

  const close = (): void => {
    if (connection.status !== "idle") stop();
    move("close");
  };

  return {
    subscribe(channel, listener, { event, cursor, onGap, onStatus }: SseSubscribeOptions = {}) {
      if (connection.status === "closed") {
        throw new SseBusError("CLIENT_CLOSED", "`close()` was called: make a new client.");
      }
      let told: SseConnection | undefined;
      const subscription: Subscription = {
        key: checked(channel),
        listener: listener as (data: unknown, message: ReceivedMessage) => void,
        event,
        onGap,
        onChange:
          onStatus &&
          (() => {
            const now = statusOf(subscription);
            if (
              told?.status === now.status &&
              told.error === now.error &&
              told.retryAt === now.retryAt
            )
              return;
            told = now;
            onStatus(now);
          }),
        cursor: !cursor || isOwnStart(cursor) ? (cursor ?? "") : toCursor(cursor),
      };
      users++;
      clearTimeout(lingering);
      subscriptions.add(subscription);
      if (connection.status === "idle") start();
      else wish();
      subscriptions.call(subscription.onChange);
      return () => {
        const reached = subscriptions.cursorOf(subscription) || undefined;
        if (subscriptions.all.has(subscription)) {
          subscription.cursor = reached ?? "";
          subscriptions.remove(subscription);
          wish();
          if (!--users) lingering = setTimeout(stop, LINGER_MS);
        }
        return reached;
      };
    },
    get status() {
      return connection.status;
    },
    getStatus: () => connection,
    subscribeStatus(listener) {
      // Wrapped, so that one function can be given twice.
      const watcher = (): void => listener();
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    reconnect() {
      if (group) group.renew();
      else if (users) void enter();
    },
    setToken(newToken) {
      token = newToken;
      known = undefined;
      if (group?.hub()) group.renew();
      else if (group && identity === undefined) {
        leave();
        silent("The credentials have changed.");
        void enter();
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

function checked(channel: string): string {
  if (CHANNEL.test(channel)) return channel;
  throw new SseBusError("INVALID_CHANNEL", `"${channel}" is neither a channel nor a pattern.`);
}
