import { Buffer } from "node:buffer";

import type { BackendHost, NewMessage, Stored } from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { writeEnvelope } from "./envelope.ts";
import { epochOf } from "./epoch.ts";
import type { Follower } from "./follower.ts";
import {
  isNoResponders,
  type JetStream,
  type PublishAck,
  type StreamInfo,
  toMs,
} from "./jetstream.ts";
import type { Recovery } from "./recovery.ts";
import type { LogStream } from "./stream.ts";
import { limitsFor } from "./stream-limits.ts";
import type { Subjects } from "./subjects.ts";
import { unavailable } from "./unavailable.ts";

export interface PublisherOptions {
  readonly js: JetStream;
  readonly stream: LogStream;
  readonly subjects: Subjects;
  readonly follower: Follower;
  readonly recovery: Recovery;
  readonly host: BackendHost;
  readonly timeoutMs: number;
  /** The stream as it is, asked for after the call. */
  head(): Promise<StreamInfo>;
}

/** How long a message may take to come back through our own consumer before it is looked up. */
const CONFIRM_MS = 1000;
const MAX_ATTEMPTS = 3;

interface Sent {
  readonly entry: NewMessage;
  readonly subject: string;
  readonly payload: Uint8Array;
  /** What had been reached when it was sent. */
  readonly before: Cursor;
}

/**
 * Publishes, and tells where the message stands. The server's answer has neither the message's time
 * nor the epoch; both are known once our consumer, which stands on this very stream, delivers it.
 */
export function createPublisher(options: PublisherOptions): (entry: NewMessage) => Promise<Stored> {
  const { js, stream, subjects, follower, recovery, host, timeoutMs, head } = options;

  async function publish(entry: NewMessage): Promise<Stored> {
    await stream.grow(limitsFor(host.history(entry.channel)));
    const subject = subjects.of(entry.channel, entry.key);
    const { payload, headers } = writeEnvelope(entry);
    for (let attempt = 1; ; attempt++) {
      const sent: Sent = { entry, subject, payload, before: follower.reached };
      try {
        return await confirm(await js.publish(subject, payload, headers), sent);
      } catch (error) {
        if (!isNoResponders(error) || attempt === MAX_ATTEMPTS) throw error;
        // Nobody took it, so it may be sent again: the stream has to be made anew, or gets a leader.
        recovery.start();
        if (!(await recovery.settled(timeoutMs))) throw error;
      }
    }
  }

  async function confirm(ack: PublishAck, sent: Sent): Promise<Stored> {
    const { seq, duplicate = false } = ack;
    const { epoch, seq: before } = sent.before;
    if (!duplicate && seq > before) {
      const time = await follower.timeOf(seq, CONFIRM_MS);
      if (time !== undefined && follower.reached.epoch === epoch) {
        return { seq, time, epoch, channel: sent.entry.channel, duplicate };
      }
    }
    return locate({ seq, duplicate }, sent);
  }

  /** Asks the log itself: for the first one of an id, and when the consumer has not delivered it. */
  async function locate({ seq, duplicate }: Required<PublishAck>, sent: Sent): Promise<Stored> {
    const { before, subject, payload, entry } = sent;
    const hasGoneBack = !duplicate && seq <= before.seq;
    if (hasGoneBack || epochOf(await head()) !== follower.reached.epoch) {
      recovery.start();
      if (!(await recovery.settled(timeoutMs))) throw lost();
    }
    const { epoch, time } = follower.reached;
    const message = await js.message(seq);
    const isSame =
      message?.subject === subject && message.data === Buffer.from(payload).toString("base64");
    // Stored, and then gone with the log that it was stored in.
    if (!duplicate && epoch !== before.epoch && !isSame) throw lost();
    return {
      seq,
      // So many have come since that it is out of the stream already: no younger than the head.
      time: message ? toMs(message.time) : time,
      epoch,
      channel: entry.channel,
      duplicate,
    };
  }

  return publish;
}

function lost(): Error {
  return unavailable("The log began anew while the message was published.");
}
