import { isTopic } from "../core/channel-name.ts";
import { SseBusError } from "../core/errors.ts";
import { startTimeout } from "../core/timers.ts";
import type { ChannelsOf } from "../core/types.ts";
import type { ClientHost } from "./client-host.ts";
import type { SseClient, SseClientOptions } from "./client-types.ts";
import { tabGroupName } from "./credentials.ts";
import { isPosition } from "./cursor.ts";
import { defaultUrl } from "./default-url.ts";
import { createPageConnection } from "./page-connection.ts";
import { type ClientSettings, type OwnClient, SETTINGS } from "./settings.ts";
import { createSnapshots } from "./snapshot.ts";
import type { ClientSubscription } from "./subscriptions.ts";
import { channelOf, matcherOf } from "./topic.ts";

/** How long the connection outlives the last subscription, so that a page change keeps it. */
const LINGER_MS = 1_000;

/**
 * Creates a client for an event stream route. It connects when the first subscription is made.
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
 * {@link createSseClient} for a given page.
 *
 * @param isApart its connection is shared with no other client, so it may start from `latest` or `earliest`
 */
export function createClient(
  options: SseClientOptions & Pick<ClientSettings, "ladder" | "probeMs">,
  host: ClientHost,
  isApart?: boolean,
): OwnClient {
  const settings: ClientSettings = { ...options, url: options.url ?? defaultUrl(), host };
  const subscriptions = new Set<ClientSubscription>();
  const page = createPageConnection(settings, host, subscriptions);
  let lingering: ReturnType<typeof setTimeout> | undefined;

  const subscribe: SseClient["subscribe"] = (channel, listener, subscribeOptions = {}) => {
    const { event, onGap, onStatus } = subscribeOptions;
    if (!isTopic(channelOf(channel)))
      throw new SseBusError("INVALID_CHANNEL", `Bad channel: ${channel}`);
    const cursor = readStart(subscribeOptions.cursor);
    if (!isApart && cursor && !isPosition(cursor)) {
      return subscribeApart(channel, listener, subscribeOptions);
    }
    // Throws if the URL is relative and there is no page.
    settings.url = new URL(settings.url, host.location?.href).href;
    const one: ClientSubscription = {
      channel,
      covers: matcherOf(channel),
      event,
      cursor,
      state: "new",
      onMessage: listener as ClientSubscription["onMessage"],
      onGap,
      onChange() {
        const { error, state } = one;
        let connection = page.status();
        if (error) connection = { status: "failed", error };
        else if (state === "new" && connection.status === "open")
          connection = { status: "connecting" };
        onStatus?.(connection);
      },
    };
    subscriptions.add(one);
    if (page.status().status === "idle") {
      page.start();
    } else {
      clearTimeout(lingering);
      page.sendInterest();
      page.call(one.onChange);
    }
    return () => {
      one.state = "ended";
      if (subscriptions.delete(one)) {
        if (subscriptions.size) page.sendInterest();
        else lingering = startTimeout(page.stop, LINGER_MS);
      }
      return one.cursor;
    };
  };

  const subscribeApart = createSnapshots(subscribe, () =>
    createClient({ ...settings, channels: [], shareTabs: false }, host, true),
  );

  const close = (): void => {
    clearTimeout(lingering);
    page.close();
  };

  return {
    subscribe,
    get status() {
      return page.status().status;
    },
    getStatus: page.status,
    subscribeStatus(listener) {
      page.statusListeners.add(listener);
      return () => void page.statusListeners.delete(listener);
    },
    reconnect: page.reconnect,
    setToken(token, { identity } = settings) {
      const name = tabGroupName(settings);
      Object.assign(settings, { token, identity });
      // The tabs of another group must not get what this token may see.
      if (tabGroupName(settings) !== name) page.rejoin();
      else page.renew();
    },
    close,
    [Symbol.dispose]: close,
    [SETTINGS]: settings,
  };
}

/** A cursor, without the channel that an event's id has after it. */
const CURSOR = /^(\w+-\w+-\w+|latest|earliest|)(?:@|$)/;

/** Where a subscription starts. An invalid cursor is replaced by one that no log knows: it gets a gap. */
function readStart(cursor = ""): string {
  return CURSOR.exec(cursor)?.[1] ?? "0-0-0";
}
