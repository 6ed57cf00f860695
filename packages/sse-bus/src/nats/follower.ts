import type { Feed } from "../core/backend.ts";
import { topicCovers } from "../core/channel-name.ts";
import { createMessage, type LogMessage } from "../core/message.ts";
import type { Cursor, Position } from "../core/position.ts";
import {
  addTopic,
  createTopicIndex,
  removeTopic,
  type TopicIndex,
  visitTopics,
} from "../core/topic-index.ts";
import type { Delivery } from "./delivery.ts";
import { readEnvelope } from "./envelope.ts";
import type { Loss } from "./hole.ts";
import { createRecentTimes } from "./recent-times.ts";
import type { Subjects } from "./subjects.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * Hands what the consumer delivers to the feeds, in order, and knows how far that has come. The
 * consumer has everything of the bus, so whatever is delivered proves all positions up to it.
 */
export interface Follower {
  readonly reached: Cursor;
  /** From here on, of this epoch; what was asked of the former one will not come any more. */
  begin(epoch: string, from: Position): void;
  accept(delivery: Delivery): void;
  /** Positions up to this one are gone, and nothing tells what they held. */
  skip(from: Position): void;
  /** Drops what is held back: a new consumer will deliver it again. */
  interrupt(): void;
  add(topic: string, feed: Feed): () => void;
  isWanted(channel: string): boolean;
  /** Resolves once `seq` is reached; with `false` when it takes too long. */
  whenReached(seq: number, timeoutMs: number): Promise<boolean>;
  /** When the message at `seq` was stored; `undefined` if it was not delivered in time. */
  timeOf(seq: number, timeoutMs: number): Promise<number | undefined>;
  close(): void;
}

export interface FollowerOptions {
  readonly subjects: Subjects;
  onError(error: Error): void;
  /** Positions after `after` and before `before` did not come: what may be lost with them? */
  explain(after: number, before: number): Promise<readonly Loss[]>;
  /** Nothing can be handed over for a moment, and then again. */
  onHold(isHeld: boolean): void;
  /** After each delivery has been handed over. */
  onHanded(delivery: Delivery): void;
}

interface Waiter {
  readonly seq: number;
  settle(isReached: boolean): void;
}

export function createFollower(options: FollowerOptions): Follower {
  const { subjects, onError, explain, onHold, onHanded } = options;
  const feeds = createTopicIndex<Feed>();
  const topics = new Map<Feed, string>();
  const recent = createRecentTimes();
  const waiters = new Set<Waiter>();
  /** The oldest position that a waiter waits for: most deliveries are not looked at again. */
  let nextWaited = Number.POSITIVE_INFINITY;
  let reached: Cursor = { seq: 0, time: 0, epoch: "" };
  /** Deliveries that wait until a hole before them is explained. */
  let held: Delivery[] | undefined;
  let isClosed = false;

  function accept(delivery: Delivery): void {
    if (held) held.push(delivery);
    else if (delivery.seq > reached.seq + 1) void hold(delivery);
    else if (delivery.seq === reached.seq + 1) hand(delivery);
  }

  /** Nothing passes a hole before its losses are told: a reader past it would not hear of them. */
  async function hold(first: Delivery): Promise<void> {
    const mine = [first];
    held = mine;
    onHold(true);
    // What is delivered meanwhile is appended, and this goes on to it.
    for (const delivery of mine) {
      if (delivery.seq > reached.seq + 1) {
        const losses = await explain(reached.seq, delivery.seq);
        // Interrupted: a new consumer delivers all of it again.
        if (held !== mine) return;
        for (const loss of losses) tell(loss);
        move({ seq: delivery.seq - 1, time: reached.time });
      }
      hand(delivery);
    }
    held = undefined;
    onHold(false);
  }

  function hand(delivery: Delivery): void {
    recent.add(delivery.seq, delivery.time);
    move(delivery);
    const subject = topics.size > 0 ? subjects.parse(delivery.subject) : undefined;
    if (subject) {
      let message: LogMessage | false | undefined;
      visitTopics(feeds, subject.channel, (feed) => {
        message ??= toMessage(delivery, subject);
        if (message) feed.message(message);
      });
    }
    onHanded(delivery);
  }

  function toMessage(
    delivery: Delivery,
    subject: { channel: string; key: string | undefined },
  ): LogMessage | false {
    try {
      return createMessage(readEnvelope(subject, delivery), delivery, reached.epoch);
    } catch (error) {
      onError(error as Error);
      return false;
    }
  }

  function tell({ channel, seq }: Loss): void {
    for (const [feed, topic] of topics) {
      if (channel === undefined || topicCovers(topic, channel)) feed.lost(seq);
    }
  }

  function move({ seq, time }: Position): void {
    reached = { seq, time, epoch: reached.epoch };
    if (seq < nextWaited) return;
    nextWaited = Number.POSITIVE_INFINITY;
    for (const waiter of waiters) {
      if (waiter.seq <= seq) waiter.settle(true);
      else nextWaited = Math.min(nextWaited, waiter.seq);
    }
  }

  function giveUpWaiting(): void {
    for (const waiter of waiters) waiter.settle(false);
    nextWaited = Number.POSITIVE_INFINITY;
  }

  function whenReached(seq: number, timeoutMs: number): Promise<boolean> {
    if (seq <= reached.seq || isClosed) return Promise.resolve(seq <= reached.seq);
    return new Promise((resolve) => {
      const timer = startTimeout(() => waiter.settle(false), timeoutMs);
      const waiter: Waiter = {
        seq,
        settle(isReached) {
          clearTimeout(timer);
          waiters.delete(waiter);
          resolve(isReached);
        },
      };
      waiters.add(waiter);
      nextWaited = Math.min(nextWaited, seq);
    });
  }

  return {
    get reached() {
      return reached;
    },
    begin(epoch, { seq, time }) {
      held = undefined;
      recent.clear();
      reached = { seq, time, epoch };
      giveUpWaiting();
    },
    accept,
    skip(position) {
      tell({ channel: undefined, seq: position.seq });
      move(position);
    },
    interrupt() {
      held = undefined;
    },
    add(topic, feed) {
      // A feed of its own for each subscription, so that one feed may be subscribed twice.
      const own: Feed = { message: (each) => feed.message(each), lost: (seq) => feed.lost(seq) };
      addTopic(feeds, topic, own);
      topics.set(own, topic);
      return () => {
        if (topics.delete(own)) removeTopic(feeds, topic, own);
      };
    },
    isWanted: (channel) => covers(feeds, channel),
    whenReached,
    async timeOf(seq, timeoutMs) {
      const { epoch } = reached;
      await whenReached(seq, timeoutMs);
      return reached.epoch === epoch ? recent.get(seq) : undefined;
    },
    close() {
      isClosed = true;
      held = undefined;
      topics.clear();
      feeds.exact.clear();
      giveUpWaiting();
    },
  };
}

function covers(feeds: TopicIndex<Feed>, channel: string): boolean {
  let isCovered = false;
  visitTopics(feeds, channel, () => (isCovered = true));
  return isCovered;
}
