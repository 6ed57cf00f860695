import { Buffer } from "node:buffer";

import type { BackendHost, NewMessage, Outcome, Stored } from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { writeEnvelope } from "./envelope.ts";
import { epochOf } from "./epoch.ts";
import type { NatsLogFollower } from "./log-follower.ts";
import { isNoResponders } from "./jetstream-errors.ts";
import { type PublishAck, type StreamInfo, toMs } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsReconnector } from "./reconnector.ts";
import type { LogStream } from "./log-stream.ts";
import { largerLimits, limitsOf } from "./retention.ts";
import type { Subjects } from "./subjects.ts";
import { unavailableError } from "./errors.ts";

export interface PublisherOptions {
  readonly js: JetStream;
  readonly stream: LogStream;
  readonly subjects: Subjects;
  readonly follower: NatsLogFollower;
  readonly reconnector: NatsReconnector;
  readonly host: BackendHost;
  readonly timeoutMs: number;
  /** The stream's state, read after the call. */
  streamInfo(): Promise<StreamInfo>;
}

/** How long to wait for the message to arrive through the consumer before reading it from the stream. */
const CONFIRM_MS = 1000;
const MAX_ATTEMPTS = 3;

interface Sent {
  readonly entry: NewMessage;
  readonly subject: string;
  readonly payload: Uint8Array;
  /** The head when it was sent. */
  readonly headBefore: Cursor;
}

/** Publishes, and finds the positions of messages. */
export interface NatsPublisher {
  publish(message: NewMessage): Promise<Stored>;
  /**
   * Sends all messages in order, without waiting for answers in between. JetStream stores each of them on its own:
   * after an outage in between, a part may be stored.
   */
  publishMany(messages: readonly NewMessage[]): Promise<readonly Outcome[]>;
}

/**
 * The server's answer to a publish contains neither the time of the message nor the epoch. Both are known when
 * the consumer delivers the message.
 */
export function createPublisher(options: PublisherOptions): NatsPublisher {
  const { js, stream, subjects, follower, reconnector, host, timeoutMs, streamInfo } = options;

  async function publish(message: NewMessage): Promise<Stored> {
    const [outcome] = (await publishMany([message])) as [Outcome];
    if ("error" in outcome) throw outcome.error;
    return outcome;
  }

  async function publishMany(messages: readonly NewMessage[]): Promise<readonly Outcome[]> {
    await grow(messages);
    for (let attempt = 1; ; attempt++) {
      const outcomes = await Promise.all(
        messages.map(async (message) =>
          send(message).catch((error: unknown) => ({ error: error as Error })),
        ),
      );
      // If no server received anything, sending again is safe once the stream exists and has a leader.
      const isUnsent = outcomes.every((each) => "error" in each && isNoResponders(each.error));
      if (!isUnsent || attempt === MAX_ATTEMPTS) return outcomes;
      reconnector.start();
      if (!(await reconnector.settled(timeoutMs))) return outcomes;
    }
  }

  /** The same wait for every publish, so that none overtakes another. */
  async function grow(messages: readonly NewMessage[]): Promise<void> {
    const channels = new Set(messages.map(({ channel }) => channel));
    const limits = Array.from(channels, (channel) => limitsOf(channel, host.history(channel)));
    await stream.grow(limits.reduce(largerLimits));
  }

  async function send(message: NewMessage): Promise<Stored> {
    const subject = subjects.of(message.channel, message.key);
    const { payload, headers } = writeEnvelope(message);
    const sent: Sent = { entry: message, subject, payload, headBefore: follower.head };
    return confirm(await js.publish(subject, payload, headers), sent);
  }

  async function confirm(ack: PublishAck, sent: Sent): Promise<Stored> {
    const { seq, duplicate = false } = ack;
    const { epoch, seq: headSeq } = sent.headBefore;
    if (!duplicate && seq > headSeq) {
      const time = await follower.timeOf(seq, CONFIRM_MS);
      if (time !== undefined && follower.head.epoch === epoch) {
        return { seq, time, epoch, channel: sent.entry.channel, duplicate };
      }
    }
    return locate({ seq, duplicate }, sent);
  }

  /** Reads the stream: for a repeated id, or when the consumer has not delivered the message. */
  async function locate({ seq, duplicate }: Required<PublishAck>, sent: Sent): Promise<Stored> {
    const { headBefore, subject, payload, entry } = sent;
    const hasLostMessages = !duplicate && seq <= headBefore.seq;
    if (hasLostMessages || epochOf(await streamInfo()) !== follower.head.epoch) {
      reconnector.start();
      if (!(await reconnector.settled(timeoutMs))) throw lost();
    }
    const { epoch, time } = follower.head;
    const message = await js.message(seq);
    const isSame =
      message?.subject === subject && message.data === Buffer.from(payload).toString("base64");
    // It was stored, and then lost together with its log.
    if (!duplicate && epoch !== headBefore.epoch && !isSame) throw lost();
    return {
      seq,
      // Already dropped by newer messages: the time of the head is not older than its own.
      time: message ? toMs(message.time) : time,
      epoch,
      channel: entry.channel,
      duplicate,
    };
  }

  return { publish, publishMany };
}

function lost(): Error {
  return unavailableError("The log restarted while the message was published.");
}
