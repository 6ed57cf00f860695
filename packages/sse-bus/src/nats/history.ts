import type { BackendHost, History } from "../core/backend.ts";
import { isPattern } from "../core/channel-name.ts";
import {
  closeStore,
  createLogStore,
  type LogStore,
  openLog,
  storeMessage,
} from "../core/log-store.ts";
import { historyBytesOf } from "../core/history.ts";
import { createMessage, type LogMessage } from "../core/message.ts";
import type { Delivery } from "./delivery.ts";
import { readEnvelope } from "./envelope.ts";
import { epochOf } from "./epoch.ts";
import type { StreamInfo } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsServerConnection } from "./connection.ts";
import { pullMessages } from "./pull-messages.ts";
import type { Subjects } from "./subjects.ts";
import { unavailableError } from "./errors.ts";

export interface NatsHistoryOptions {
  readonly connection: NatsServerConnection;
  readonly js: JetStream;
  readonly subjects: Subjects;
  readonly host: Pick<BackendHost, "history" | "maxHistoryBytes" | "onError">;
  readonly inboxPrefix: string;
  readonly timeoutMs: number;
  readonly epoch: string;
  /** The stream's state, read after the call. */
  streamInfo(): Promise<StreamInfo>;
}

/**
 * Reads the history of a topic: all messages without a key, and the newest message of each key. Then
 * it applies the limits of the bus by passing the messages through a log in memory
 * ({@connection createLogStore}) that exists only for this read.
 */
export async function readTopicHistory(
  context: NatsHistoryOptions,
  topic: string,
): Promise<History> {
  const { host, subjects } = context;
  const head = await context.streamInfo();
  const filters = subjects.filters(topic);
  const keyed: Delivery[] = [];
  let now = 0;
  const maxBytes = historyBytesOf(topic, host.maxHistoryBytes);
  const store = createLogStore(host.history, maxBytes, true, () => now);
  const replay = createReplay(context, { store, head });
  try {
    // Ages are measured by the server's clock: this machine's may be ahead, and would drop messages
    // that are not too old.
    now = await pullMessages(context, {
      ...context,
      filter: filters.keyed,
      policy: "last_per_subject",
      onDelivery: (delivery) => keyed.push(delivery),
    });
    // Both kinds of messages enter the log in position order.
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
    return replay.finish(topic, await context.streamInfo());
  } finally {
    closeStore(store);
  }
}

interface Replay {
  add(delivery: Delivery): void;
  finish(topic: string, after: StreamInfo): History;
}

function createReplay(
  { host, subjects, epoch }: NatsHistoryOptions,
  { store, head }: { readonly store: LogStore; readonly head: StreamInfo },
): Replay {
  const limit = head.config.max_msgs_per_subject;
  /** For each channel: the number of messages without a key, and the position of the first. */
  const read = new Map<string, { count: number; readonly first: number }>();

  function add(delivery: Delivery): void {
    const subject = subjects.parse(delivery.subject);
    if (!subject) return;
    if (subject.key === undefined) {
      const counted = read.get(subject.channel);
      if (counted) counted.count++;
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
      throw unavailableError("The log restarted while it was read.");
    }
    // Messages dropped by age, or because the whole stream was too large, are before its first one.
    const dropped = Math.max(0, after.state.first_seq - 1);
    let horizon = Math.max(dropped, store.freedHorizon);
    const messages: LogMessage[] = [];
    for (const log of store.logs.values()) {
      horizon = Math.max(horizon, log.horizon);
      for (const message of log.messages.slice(log.first) as LogMessage[]) {
        // After the head read at the start, messages with a key may be missing.
        if (message.seq > dropped && message.seq <= head.state.last_seq) messages.push(message);
      }
    }
    for (const { count, first } of read.values()) {
      // The stream's limit per subject: it may have dropped messages before the first one.
      if (limit > 0 && count >= limit) horizon = Math.max(horizon, first - 1);
    }
    if (isPattern(topic)) messages.sort((a, b) => a.seq - b.seq);
    return { messages, horizon };
  }

  return { add, finish };
}
