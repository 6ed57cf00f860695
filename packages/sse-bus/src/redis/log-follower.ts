import type { TopicSubscription } from "../core/backend.ts";
import { unreadableError } from "../core/stored-message.ts";
import { startTimeout } from "../core/timers.ts";
import { type Arrival, decodeArrival } from "./arrival.ts";
import type { HeadMarker } from "./codec.ts";
import { unavailableError } from "./errors.ts";
import { createHeadMarkers } from "./head-markers.ts";
import type { RedisLogFollower, RedisLogFollowerOptions } from "./log-follower-types.ts";
import { createLogHead } from "./log-head.ts";
import { readMissed } from "./missed-messages.ts";
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

const DOWN: State = { name: "down" };
const LIVE: State = { name: "live" };

export function createLogFollower(options: RedisLogFollowerOptions): RedisLogFollower {
  const { access, host, drop, onChange, timeoutMs, waitMs } = options;
  const { keys } = access;
  let state: State = DOWN;

  const topics = createTopicRegistry(({ name }) => subscriptions.remove(keys.pubSub(name), name));
  const subscriptions = createPubSubSubscriptions({ onConfirmed, onFailure: drop, onRefused });
  const markers = createHeadMarkers({
    ...options,
    beforeRequest: assignMarker,
    isWanted: isLive,
  });
  const log = createLogHead({ ...options, topics, markers });
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

  /** The first marker of the connection: from here on, everything arrives. */
  async function recover(marker: HeadMarker): Promise<void> {
    const arrived: Arrival[] = [];
    const recovering: State = { name: "recovering", arrived };
    state = recovering;
    if (marker.epoch === log.head.epoch) {
      const live = [...topics.all.values()].filter((topic) => topic.isLive);
      const missed = await readMissed(access, {
        topics: live.map(({ name }) => name),
        after: log.head,
        upTo: marker,
        maxBytes: host.maxHistoryBytes,
      });
      if (state !== recovering) return;
      log.deliverMissed(missed);
    }
    state = LIVE;
    log.handle({ marker });
    for (const topic of topics.all.values()) topic.last = Math.max(topic.last, log.head.seq);
    for (const arrival of arrived) {
      // A message was missing and the connection was dropped: the next connection recovers the rest.
      if (!isLive()) return;
      log.handle(arrival);
    }
    onConfirmed();
    onChange();
  }

  return {
    get head() {
      return log.head;
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
          if (topic.isLive) return topics.goLive(topic, log.head);
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
      if (state.name === "live") log.handle(arrival);
      else if (state.name === "recovering") state.arrived.push(arrival);
      else if (state.name === "syncing" && "marker" in arrival) {
        const { marker } = arrival;
        if (markers.numberOf(marker) === state.marker) recover(marker).catch(drop);
      }
    },
    restarted: async () => log.restarted(),
    noteSeen(cursor) {
      markers.noteSeen(cursor);
      // Another epoch: the log restarted, and a marker reports that immediately.
      if (cursor.epoch !== log.head.epoch && isLive()) markers.request().catch(() => {});
    },
    close(cause) {
      markers.close();
      for (const { feeds } of topics.all.values()) {
        for (const { reject } of feeds.values()) reject(cause);
      }
      subscriptions.useConnection(undefined);
    },
  };
}
