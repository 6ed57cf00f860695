import type { Backend, NewMessage, TopicSubscription } from "../core/backend.ts";
import { SseBusError, type SseBusErrorCode } from "../core/errors.ts";
import type { LogMessage } from "../core/message.ts";
import { createHistoryReads } from "./history-reads.ts";
import type { LogMethods, LogEvent } from "./log-protocol.ts";
import { createRpc, MAX_WAITING_BYTES, type Rpc, type RpcMethods } from "./rpc.ts";
import { MESSAGE_BYTES, withoutState } from "./sent-message.ts";
import type { Transport } from "./transport.ts";
import { storeMany } from "../core/store-many.ts";
import { startInterval } from "../core/timers.ts";

/**
 * Lets another process use a memory backend of this one; `workerBackend` is the other end. Ends when the
 * transport closes.
 *
 * What the other process has not read is bounded. Messages beyond the limit are dropped for it, and reported
 * to it as a loss before anything later.
 */
export function serveLog(backend: Backend, transport: Transport, methods: RpcMethods = {}): Rpc {
  const subscriptions = new Map<number, Promise<TopicSubscription>>();
  let queue: LogEvent[] = [];
  let queueBytes = 0;
  let last: { readonly message: LogMessage; readonly subscriptions: number[] } | undefined;
  /** Messages dropped since the other process stopped reading: the newest, and their subscriptions. */
  let loss: { seq: number; readonly subscriptions: Set<number> } | undefined;
  const history = createHistoryReads({
    backend,
    onRead: reportLoss,
    untilWritable: async () => rpc.untilBelow(MAX_WAITING_BYTES / 2),
  });

  function enqueue(message: LogMessage, subscription: number): void {
    // A channel and a pattern that covers it both get the message: it is sent once for both.
    if (last?.message === message) {
      last.subscriptions.push(subscription);
      return;
    }
    const waitingBytes = rpc.waitingBytes() + queueBytes;
    if (loss && waitingBytes <= MAX_WAITING_BYTES / 2) reportLoss();
    if (loss || waitingBytes > MAX_WAITING_BYTES) {
      loss ??= { seq: 0, subscriptions: new Set() };
      loss.seq = message.seq;
      loss.subscriptions.add(subscription);
      return;
    }
    const entry = { message: withoutState(message), subscriptions: [subscription] };
    last = { message, subscriptions: entry.subscriptions };
    queueBytes += message.frame.length + MESSAGE_BYTES;
    if (queue.push(entry) === 1) queueMicrotask(flush);
  }

  function flush(): void {
    const batch = queue;
    queue = [];
    queueBytes = 0;
    last = undefined;
    for (let start = 0; start < batch.length; start += MAX_BATCH) {
      rpc.notify("events", batch.slice(start, start + MAX_BATCH));
    }
  }

  /** Before anything later is sent: the other process would otherwise take that for everything. */
  function reportLoss(): void {
    flush();
    if (!loss) return;
    const { seq: lost } = loss;
    const event: LogEvent = { lost, subscriptions: [...loss.subscriptions] };
    loss = undefined;
    rpc.notify("events", [event]);
  }

  function unsubscribe(subscription: number): void {
    subscriptions.get(subscription)?.then(
      (opened) => opened.close(),
      () => {},
    );
    subscriptions.delete(subscription);
  }

  const served = {
    async publish(message: NewMessage) {
      const stored = await backend.publish(message);
      // Subscribers in the publisher's process receive the message before the call is answered.
      reportLoss();
      return stored;
    },
    async publishMany(messages: readonly NewMessage[]) {
      const stored = await storeMany(backend, messages);
      reportLoss();
      return stored;
    },
    async subscribe({ topic, subscription }: LogMethods["subscribe"]) {
      const opening = backend.subscribe(topic, {
        message: (message) => enqueue(message, subscription),
        lost: () => {},
      });
      subscriptions.set(subscription, opening);
      const { cursor } = await opening;
      reportLoss();
      return cursor;
    },
    unsubscribe,
    read: history.read,
    readOn: history.readOn,
    endRead: history.endRead,
    async cursor() {
      const head = await backend.readHead();
      reportLoss();
      return head;
    },
  } satisfies Record<keyof LogMethods, unknown>;

  const rpc = createRpc(transport, { methods: { ...methods, ...served }, toError });
  // Workers without a subscription to what is published learn the head in time for their heartbeats.
  const timer = startInterval(() => {
    // A process that does not read gets nothing more.
    if (rpc.waitingBytes() > MAX_WAITING_BYTES / 2) return;
    reportLoss();
    rpc.notify("events", [{ head: backend.head() } satisfies LogEvent]);
  }, HEAD_INTERVAL_MS);
  timer.unref();
  transport.onClose(() => {
    clearInterval(timer);
    history.close();
    for (const subscription of subscriptions.keys()) unsubscribe(subscription);
  });
  return rpc;
}

const HEAD_INTERVAL_MS = 1000;
/** Messages in one frame. */
const MAX_BATCH = 100;

/** Restores an error that another process has sent. */
export function toError({ code, message }: { code: string | undefined; message: string }): Error {
  return new SseBusError((code ?? "BACKEND_UNAVAILABLE") as SseBusErrorCode, message);
}
