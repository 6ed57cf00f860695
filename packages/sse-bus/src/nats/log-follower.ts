import type { Feed } from "../core/backend.ts";
import { createMessage, type LogMessage } from "../core/message.ts";
import type { Cursor, Position } from "../core/position.ts";
import type { Delivery } from "./delivery.ts";
import { readEnvelope } from "./envelope.ts";
import type { ChannelLoss } from "./loss-detection.ts";
import { createPositionWaiters } from "./position-waiters.ts";
import { createRecentTimes } from "./recent-times.ts";
import type { BusSubject, Subjects } from "./subjects.ts";
import { createTopicRegistry } from "./topic-registry.ts";

/**
 * Follows the log through one consumer, and delivers its messages to the feeds in position order. The
 * consumer gets every message of the bus, so each delivery proves all positions up to it.
 */
export interface NatsLogFollower {
  /** The newest position that is delivered. */
  readonly head: Cursor;
  /** Starts at a position of a new log. Waits for positions of the previous log end. */
  begin(epoch: string, from: Position): void;
  accept(delivery: Delivery): void;
  /** Positions up to this one are dropped, and nothing shows what they contained. */
  skip(to: Position): void;
  /** Discards the deliveries on hold: a new consumer delivers them again. */
  interrupt(): void;
  /** Returns the function that removes the feed. */
  add(topic: string, feed: Feed): () => void;
  isWanted(channel: string): boolean;
  /** Resolves with `true` when the head reaches `seq`, with `false` after `timeoutMs`. */
  waitFor(seq: number, timeoutMs: number): Promise<boolean>;
  /** When the message at `seq` was stored; `undefined` if it is not delivered in time. */
  timeOf(seq: number, timeoutMs: number): Promise<number | undefined>;
  close(): void;
}

export interface NatsLogFollowerOptions {
  readonly subjects: Subjects;
  onError(error: Error): void;
  /** The positions after `after` and before `before` are missing: finds out what is lost with them. */
  detectLosses(after: number, before: number): Promise<readonly ChannelLoss[]>;
  /** Deliveries are on hold until losses are known (`true`), or continue (`false`). */
  onHold(isOnHold: boolean): void;
  onDelivered(delivery: Delivery): void;
}

export function createLogFollower(options: NatsLogFollowerOptions): NatsLogFollower {
  const { subjects, onError, detectLosses, onHold, onDelivered } = options;
  const topics = createTopicRegistry();
  const recent = createRecentTimes();
  const waiters = createPositionWaiters();
  let head: Cursor = { seq: 0, time: 0, epoch: "" };
  /** Deliveries after missing positions, until their losses are known. */
  let onHoldNow: Delivery[] | undefined;
  let isClosed = false;

  function accept(delivery: Delivery): void {
    if (onHoldNow) onHoldNow.push(delivery);
    else if (delivery.seq > head.seq + 1) void hold(delivery);
    else if (delivery.seq === head.seq + 1) deliver(delivery);
  }

  /** A reader past the missing positions would not get their gap, so losses are reported first. */
  async function hold(first: Delivery): Promise<void> {
    const mine = [first];
    onHoldNow = mine;
    onHold(true);
    // accept() appends to the list while losses are detected; the loop covers those deliveries too.
    for (const delivery of mine) {
      if (delivery.seq > head.seq + 1) {
        const losses = await detectLosses(head.seq, delivery.seq);
        // Interrupted: a new consumer delivers all of them again.
        if (onHoldNow !== mine) return;
        for (const loss of losses) topics.lose(loss);
        moveHead({ seq: delivery.seq - 1, time: head.time });
      }
      deliver(delivery);
    }
    onHoldNow = undefined;
    onHold(false);
  }

  function deliver(delivery: Delivery): void {
    recent.add(delivery.seq, delivery.time);
    moveHead(delivery);
    const subject = topics.isEmpty ? undefined : subjects.parse(delivery.subject);
    if (subject) {
      let message: LogMessage | false | undefined;
      topics.visit(subject.channel, (feed) => {
        message ??= toMessage(delivery, subject);
        if (message) feed.message(message);
      });
    }
    onDelivered(delivery);
  }

  function toMessage(delivery: Delivery, subject: BusSubject): LogMessage | false {
    try {
      return createMessage(readEnvelope(subject, delivery), delivery, head.epoch);
    } catch (error) {
      onError(error as Error);
      return false;
    }
  }

  function moveHead({ seq, time }: Position): void {
    head = { seq, time, epoch: head.epoch };
    waiters.headMoved(seq);
  }

  async function waitFor(seq: number, timeoutMs: number): Promise<boolean> {
    if (seq <= head.seq || isClosed) return seq <= head.seq;
    return waiters.wait(seq, timeoutMs);
  }

  return {
    get head() {
      return head;
    },
    begin(epoch, { seq, time }) {
      onHoldNow = undefined;
      recent.clear();
      head = { seq, time, epoch };
      waiters.cancelAll();
    },
    accept,
    skip(to) {
      topics.lose({ channel: undefined, seq: to.seq });
      moveHead(to);
    },
    interrupt() {
      onHoldNow = undefined;
    },
    add: topics.add,
    isWanted: topics.covers,
    waitFor,
    async timeOf(seq, timeoutMs) {
      const { epoch } = head;
      await waitFor(seq, timeoutMs);
      return head.epoch === epoch ? recent.get(seq) : undefined;
    },
    close() {
      isClosed = true;
      onHoldNow = undefined;
      topics.clear();
      waiters.cancelAll();
    },
  };
}
