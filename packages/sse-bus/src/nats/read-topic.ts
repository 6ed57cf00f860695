import type { BackendHost, History } from "../core/backend.ts";
import { isPattern } from "../core/channel-name.ts";
import {
  closeStore,
  createLogStore,
  type LogStore,
  openLog,
  storeMessage,
} from "../core/log-store.ts";
import { createMessage, type LogMessage } from "../core/message.ts";
import type { Delivery } from "./delivery.ts";
import { readEnvelope } from "./envelope.ts";
import { epochOf } from "./epoch.ts";
import type { JetStream, StreamInfo } from "./jetstream.ts";
import type { Link } from "./link.ts";
import { pullMessages } from "./pull-messages.ts";
import type { Subjects } from "./subjects.ts";
import { unavailable } from "./unavailable.ts";

export interface ReadContext {
  readonly link: Link;
  readonly js: JetStream;
  readonly subjects: Subjects;
  readonly host: Pick<BackendHost, "history" | "maxHistoryBytes" | "onError">;
  readonly inboxPrefix: string;
  readonly timeoutMs: number;
  readonly epoch: string;
  /** The stream as it is, asked for after the call. */
  info(): Promise<StreamInfo>;
}

/**
 * Reads a topic's history: of messages without a key all that the stream has, of those with one the
 * newest of each key. What they are cut down to, and which horizon that leaves, is what a log in
 * memory would keep of them: {@link createLogStore} is that log, and here for one reading.
 */
export async function readTopic(context: ReadContext, topic: string): Promise<History> {
  const { host, subjects } = context;
  const head = await context.info();
  const filters = subjects.filters(topic);
  const keyed: Delivery[] = [];
  let now = 0;
  const store = createLogStore(host.history, host.maxHistoryBytes, true, () => now);
  const replay = createReplay(context, { store, head });
  try {
    // Ages are measured by the server's clock: this machine's may be ahead of it, and would age what
    // is still kept.
    now = await pullMessages(context, {
      ...context,
      filter: filters.keyed,
      policy: "last_per_subject",
      onDelivery: (delivery) => keyed.push(delivery),
    });
    // With a key or without, they enter the log in the order of their positions.
    let next = 0;
    const addKeyed = (before: number): void => {
      while (next < keyed.length && (keyed[next] as Delivery).seq < before) {
        replay.add(keyed[next++] as Delivery);
      }
    };
    await pullMessages(context, {
      ...context,
      filter: filters.keyless,
      policy: "all",
      onDelivery(delivery) {
        addKeyed(delivery.seq);
        replay.add(delivery);
      },
    });
    addKeyed(Number.POSITIVE_INFINITY);
    return replay.finish(topic, await context.info());
  } finally {
    closeStore(store);
  }
}

interface Replay {
  add(delivery: Delivery): void;
  finish(topic: string, after: StreamInfo): History;
}

function createReplay(
  { host, subjects, epoch }: ReadContext,
  { store, head }: { readonly store: LogStore; readonly head: StreamInfo },
): Replay {
  const limit = head.config.max_msgs_per_subject;
  /** Keyless messages read of each channel, and the first of them. */
  const read = new Map<string, { count: number; readonly first: number }>();

  function add(delivery: Delivery): void {
    const subject = subjects.parse(delivery.subject);
    if (!subject) return;
    if (subject.key === undefined) {
      const known = read.get(subject.channel);
      if (known) known.count++;
      else read.set(subject.channel, { count: 1, first: delivery.seq });
    }
    let message: LogMessage;
    try {
      message = createMessage(readEnvelope(subject, delivery), delivery, epoch);
    } catch (error) {
      host.onError(error as Error);
      return;
    }
    storeMessage(store, openLog(store, subject.channel), message, store.now());
  }

  function finish(topic: string, after: StreamInfo): History {
    if (epochOf(head) !== epoch || epochOf(after) !== epoch) {
      throw unavailable("The log began anew while it was read.");
    }
    // Whatever was too old, or too much for the whole stream, stood before the stream's first.
    const dropped = Math.max(0, after.state.first_seq - 1);
    let horizon = Math.max(dropped, store.freedHorizon);
    const messages: LogMessage[] = [];
    for (const log of store.logs.values()) {
      horizon = Math.max(horizon, log.horizon);
      for (const message of log.messages.slice(log.first) as LogMessage[]) {
        // Beyond the head that was read first, messages of keys may be missing.
        if (message.seq > dropped && message.seq <= head.state.last_seq) messages.push(message);
      }
    }
    for (const { count, first } of read.values()) {
      // The server itself keeps no more of this channel: what it dropped stood before these.
      if (limit > 0 && count >= limit) horizon = Math.max(horizon, first - 1);
    }
    if (isPattern(topic)) messages.sort((a, b) => a.seq - b.seq);
    return { messages, horizon };
  }

  return { add, finish };
}
