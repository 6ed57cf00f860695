import type { TopicSubscription } from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { startTimeout, withTimeout } from "../core/timers.ts";
import { type Arrival, decodeArrival, isSameMessage, type MessageArrival } from "./arrival.ts";
import { type HeadMarker, type LiveMessage, toMessage } from "./codec.ts";
import { unreadableError } from "../core/stored-message.ts";
import { timeoutError, unavailableError } from "./errors.ts";
import { createHeadMarkers } from "./head-markers.ts";
import type { RedisLogFollower, RedisLogFollowerOptions } from "./log-follower-types.ts";
import { type MissedMessages, readMissed } from "./missed-messages.ts";
import { createPubSubSubscriptions } from "./pub-sub-subscriptions.ts";
import { createTopicRegistry, type SubscribedTopic } from "./topic-registry.ts";

/**
 * Follows the log through pub/sub, on one connection, in position order. A head marker on the same
 * connection proves that everything before it was received.
 *
 * ```
 *          subscriptions confirmed        first marker received          missed messages read
 *   down ────────────────────────▶ syncing ───────────────────▶ recovering ───────────────▶ live
 *    ▲                                │                             │                        │
 *    └────────────────────────────────┴─────────────────────────────┴────────────────────────┘
 *                                        the connection is lost
 * ```
 */
type State =
  | { readonly name: "down" }
  /** The first marker of this connection, by its number, has not arrived. */
  | { readonly name: "syncing"; readonly marker: number }
  /** What arrives while the missed messages are read is kept. */
  | { readonly name: "recovering"; readonly arrived: Arrival[] }
  | { readonly name: "live" };

/** More positions than a server assigns between two markers. */
const MAX_STEP = 100_000;

const DOWN: State = { name: "down" };
const LIVE: State = { name: "live" };

export function createLogFollower(options: RedisLogFollowerOptions): RedisLogFollower {
  const { access, host, drop, onChange, timeoutMs, waitMs } = options;
  const { keys } = access;
  let head = options.start;
  let state: State = DOWN;
  /** The newest message that moved the head. */
  let newest: MessageArrival | undefined;
  /** Two different messages had one position: the log did not send both. */
  let isInDoubt = false;
  let isAsking = false;

  const restartListeners = new Set<() => void>();
  let restarting: Promise<void> | undefined;
  const topics = createTopicRegistry(({ name }) => subscriptions.remove(keys.pubSub(name), name));
  const subscriptions = createPubSubSubscriptions({ onConfirmed, onFailure: drop, onRefused });
  const markers = createHeadMarkers({
    ...options,
    beforeRequest: assignMarker,
    isWanted: isLive,
  });
  subscriptions.add(keys.headMarkers, keys.headMarkers.name);

  function isLive(): boolean {
    return state.name === "live";
  }

  function onConfirmed(): void {
    if (state.name === "live") {
      const all = [...topics.all.values()];
      if (all.some((topic) => !topic.isLive && topic.marker === undefined)) {
        markers.request().catch(() => {}); // the next request covers them
      }
    } else if (state.name === "down") {
      const requested = markers.request();
      state = { name: "syncing", marker: markers.lastRequest };
      requested.catch(drop);
    }
  }

  function onRefused(names: ReadonlySet<string>, cause: Error): void {
    const refused = [...names].map((name) => topics.all.get(name));
    // Without head markers nothing is proven, and a live topic must not stop without notice.
    if (names.has(keys.headMarkers.name) || refused.some((topic) => topic?.isLive)) {
      return drop(cause);
    }
    for (const topic of refused) {
      for (const { reject } of topic?.feeds.values() ?? []) reject(unavailableError(cause));
    }
  }

  /** The marker with this number proves all topics that the server has confirmed by now. */
  function assignMarker(number: number): void {
    for (const topic of topics.all.values()) {
      if (topic.isLive || topic.marker !== undefined) continue;
      if (subscriptions.isConfirmed(keys.pubSub(topic.name))) topic.marker = number;
    }
  }

  function handle(arrival: Arrival): void {
    if ("marker" in arrival) handleMarker(arrival.marker);
    else handleMessage(arrival.channel, arrival.message);
  }

  /**
   * Whoever may publish on the server can send anything on the bus's channels. Only a marker of this
   * instance proves where the log is, because nobody else knows its token.
   */
  function askLog(): void {
    if (isAsking) return;
    isAsking = true;
    const clear = (): void => void (isAsking = false);
    markers.request().then(clear, clear);
  }

  /** Nothing moves the head that far between two markers. What is read from the log then is true. */
  function isFarAhead({ seq }: Cursor): boolean {
    if (seq <= head.seq + MAX_STEP) return false;
    drop(new Error(`Position ${seq} arrived, far ahead of ${head.seq}`));
    return true;
  }

  function handleMessage(channel: string, message: LiveMessage): void {
    if (message.epoch !== head.epoch) return askLog();
    if (message.seq <= head.seq) {
      // A channel and a pattern that covers it both deliver the message. Anything else was never the
      // next message: either this one is not of the log, or one before it was not.
      if (newest && isSameMessage(newest, { channel, message })) return;
      isInDoubt ||= newest?.message.seq === message.seq;
      return askLog();
    }
    if (isFarAhead(message)) return;
    const topic = topics.all.get(channel);
    if (topic?.isLive) {
      if (message.previous > topic.last) {
        return drop(new Error(`Message ${message.previous} of "${channel}" did not arrive`));
      }
    }
    // Before the head moves: a position that cannot be read may not be one of the log.
    const isWanted = topics.isWanted(channel);
    const decoded = isWanted ? toMessage(channel, message, host.onError) : undefined;
    if (isWanted && !decoded) return askLog();
    if (topic?.isLive) topic.last = message.seq;
    newest = { channel, message };
    head = toCursor(message);
    if (decoded) topics.deliver(channel, decoded);
  }

  function handleMarker(marker: HeadMarker): void {
    const number = markers.numberOf(marker);
    if (number === undefined) {
      if (marker.epoch !== head.epoch) return askLog();
      if (isFarAhead(marker)) return;
      markers.received(marker);
      if (marker.seq > head.seq) head = toCursor(marker);
      // Each marker follows all messages up to its position, and no later one.
      else if (marker.seq < head.seq) askLog();
      return;
    }
    markers.received(marker);
    if (marker.epoch !== head.epoch || marker.seq < head.seq || isInDoubt) restart(marker);
    else if (marker.seq > head.seq) head = toCursor(marker);
    for (const topic of topics.all.values()) {
      if (!topic.isLive && topic.marker !== undefined && topic.marker <= number) {
        topics.goLive(topic, head);
      }
    }
  }

  function restart(cursor: Cursor): void {
    head = toCursor(cursor);
    newest = undefined;
    isInDoubt = false;
    topics.restart(head.seq);
    host.onRestart();
    for (const listener of restartListeners) listener();
    restartListeners.clear();
  }

  /** The first marker of the connection: from here on, everything arrives. */
  async function recover(marker: HeadMarker): Promise<void> {
    const arrived: Arrival[] = [];
    const recovering: State = { name: "recovering", arrived };
    state = recovering;
    if (marker.epoch === head.epoch) {
      const live = [...topics.all.values()].filter((topic) => topic.isLive);
      const missed = await readMissed(access, {
        topics: live.map(({ name }) => name),
        after: head,
        upTo: marker,
        maxBytes: host.maxHistoryBytes,
      });
      if (state !== recovering) return;
      deliverMissed(missed);
    }
    state = LIVE;
    handleMarker(marker);
    for (const topic of topics.all.values()) topic.last = Math.max(topic.last, head.seq);
    for (const arrival of arrived) {
      // A message was missing and the connection was dropped: the next connection recovers the rest.
      if (!isLive()) return;
      handle(arrival);
    }
    onConfirmed();
    onChange();
  }

  function deliverMissed({ messages, losses }: MissedMessages): void {
    for (const [name, seq] of losses) {
      for (const feed of topics.all.get(name)?.feeds.keys() ?? []) feed.lost(seq);
    }
    for (const message of messages) {
      head = { seq: message.seq, time: message.time, epoch: head.epoch };
      topics.deliver(message.channel, message);
    }
  }

  return {
    get head() {
      return head;
    },
    get newestSeen() {
      return markers.newestSeen;
    },
    get isLive() {
      return isLive();
    },
    async subscribe(name, feed) {
      let topic: SubscribedTopic | undefined;
      let timer: ReturnType<typeof setTimeout> | undefined;
      try {
        return await new Promise<TopicSubscription>((resolve, reject) => {
          topic = topics.add(name, feed, { resolve, reject });
          // A live topic stays live in an outage: the feed gets the missed messages like the others.
          if (topic.isLive) return topics.goLive(topic, head);
          subscriptions.add(keys.pubSub(name), name);
          const refuse = (): void =>
            reject(unavailableError(new Error(`"${name}" could not be subscribed to in time`)));
          timer = startTimeout(() => {
            if (state.name === "down") refuse();
            else timer = startTimeout(refuse, timeoutMs);
          }, waitMs);
        });
      } catch (error) {
        if (topic) topics.remove(topic, feed);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    useConnection(connection) {
      state = DOWN;
      for (const topic of topics.all.values()) topic.marker = undefined;
      markers.reset();
      subscriptions.useConnection(connection);
    },
    receive(pubSubChannel, text) {
      const arrival = decodeArrival(keys, pubSubChannel, text);
      if (!arrival) {
        const cause = new Error("it has no position");
        return host.onError(unreadableError(`A message on "${pubSubChannel}"`, cause));
      }
      if (state.name === "live") handle(arrival);
      else if (state.name === "recovering") state.arrived.push(arrival);
      else if (state.name === "syncing" && "marker" in arrival) {
        const { marker } = arrival;
        if (markers.numberOf(marker) === state.marker) recover(marker).catch(drop);
      }
    },
    async restarted() {
      restarting ??= waitForRestart().finally(() => (restarting = undefined));
      await restarting.catch((error: unknown) => {
        throw unavailableError(error);
      });
    },
    noteSeen(cursor) {
      markers.noteSeen(cursor);
      // Another epoch: the log restarted, and a marker reports that immediately.
      if (cursor.epoch !== head.epoch && isLive()) markers.request().catch(() => {});
    },
    close(cause) {
      markers.close();
      for (const { feeds } of topics.all.values()) {
        for (const { reject } of feeds.values()) reject(cause);
      }
      subscriptions.useConnection(undefined);
    },
  };

  /** One marker for all callers that wait. */
  async function waitForRestart(): Promise<void> {
    const seen = new Promise<void>((resolve, reject) => {
      restartListeners.add(resolve);
      markers.request().catch(reject);
    });
    await withTimeout(seen, timeoutMs, () => timeoutError("the log's restart", timeoutMs));
  }
}

function toCursor({ seq, time, epoch }: Cursor): Cursor {
  return { seq, time, epoch };
}
