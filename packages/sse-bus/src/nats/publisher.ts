import { Buffer } from "node:buffer";

import type { BackendHost, NewMessage, Stored } from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { writeEnvelope } from "./envelope.ts";
import { epochOf } from "./epoch.ts";
import type { NatsLogFollower } from "./log-follower.ts";
import { isNoResponders } from "./jetstream-errors.ts";
import { type PublishAck, type StreamInfo, toMs } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsReconnector } from "./reconnector.ts";
import type { LogStream } from "./log-stream.ts";
import { limitsFor } from "./retention.ts";
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

/**
 * Publishes, and finds the position of the message. The server's answer contains neither the time of
 * the message nor the epoch. Both are known when the consumer delivers the message.
 */
export function createPublisher(options: PublisherOptions): (entry: NewMessage) => Promise<Stored> {
  const { js, stream, subjects, follower, reconnector, host, timeoutMs, streamInfo } = options;

  async function publish(entry: NewMessage): Promise<Stored> {
    await stream.grow(limitsFor(host.history(entry.channel)));
    const subject = subjects.of(entry.channel, entry.key);
    const { payload, headers } = writeEnvelope(entry);
    for (let attempt = 1; ; attempt++) {
      const sent: Sent = { entry, subject, payload, headBefore: follower.head };
      try {
        return await confirm(await js.publish(subject, payload, headers), sent);
      } catch (error) {
        if (!isNoResponders(error) || attempt === MAX_ATTEMPTS) throw error;
        // No server received it, so sending it again is safe once the stream exists and has a leader.
        reconnector.start();
        if (!(await reconnector.settled(timeoutMs))) throw error;
      }
    }
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

  return publish;
}

function lost(): Error {
  return unavailableError("The log restarted while the message was published.");
}
