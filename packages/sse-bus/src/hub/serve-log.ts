import type { Backend, NewMessage, TopicSubscription } from "../core/backend.ts";
import { SseBusError, type SseBusErrorCode } from "../core/errors.ts";
import type { LogMessage } from "../core/message.ts";
import type { LogMethods, LogNews, SentMessage } from "./log-protocol.ts";
import { createRpc, type Link, MAX_WAITING_BYTES, type Rpc, type RpcMethods } from "./rpc.ts";
import { startInterval } from "../core/timers.ts";

/**
 * Lets another process use a memory backend of this one over a link; `workerBackend` is the other
 * end. Ends with the link.
 *
 * What the other process does not take is bounded: messages beyond the limit are lost for it, and it is
 * told so.
 */
export function serveLog(backend: Backend, link: Link, methods: RpcMethods = {}): Rpc {
  const subscriptions = new Map<number, Promise<TopicSubscription>>();
  let news: LogNews[] = [];
  let newsBytes = 0;
  let last: { readonly message: LogMessage; readonly subscriptions: number[] } | undefined;
  /** Since the other process has stopped taking messages: the newest of them, and whose they are. */
  let loss: { seq: number; readonly subscriptions: Set<number> } | undefined;
  let reading: Promise<unknown> = Promise.resolve();

  function tell(message: LogMessage, subscription: number): void {
    // A channel and a pattern that covers it both get the message: it is sent once for both.
    if (last?.message === message) {
      last.subscriptions.push(subscription);
      return;
    }
    const waitingBytes = rpc.waitingBytes() + newsBytes;
    if (loss && waitingBytes <= MAX_WAITING_BYTES / 2) tellLoss();
    if (loss || waitingBytes > MAX_WAITING_BYTES) {
      loss ??= { seq: 0, subscriptions: new Set() };
      loss.seq = message.seq;
      loss.subscriptions.add(subscription);
      return;
    }
    const entry = { message: withoutState(message), subscriptions: [subscription] };
    last = { message, subscriptions: entry.subscriptions };
    newsBytes += message.frame.length + MESSAGE_BYTES;
    if (news.push(entry) === 1) queueMicrotask(flush);
  }

  function flush(): void {
    const batch = news;
    news = [];
    newsBytes = 0;
    last = undefined;
    for (let start = 0; start < batch.length; start += MAX_BATCH) {
      rpc.notify("news", batch.slice(start, start + MAX_BATCH));
    }
  }

  /** Before anything later is told: the other process would take it for all that there is. */
  function tellLoss(): void {
    flush();
    if (!loss) return;
    const { seq: lost } = loss;
    const told: LogNews = { lost, subscriptions: [...loss.subscriptions] };
    loss = undefined;
    rpc.notify("news", [told]);
  }

  function unsubscribe(subscription: number): void {
    subscriptions.get(subscription)?.then(
      (opened) => opened.close(),
      () => {},
    );
    subscriptions.delete(subscription);
  }

  const served = {
    async publish(entry: NewMessage) {
      const stored = await backend.publish(entry);
      // The publisher's own listeners hear of the message before its call is answered.
      tellLoss();
      return stored;
    },
    async subscribe({ topic, subscription }: LogMethods["subscribe"]) {
      const opening = backend.subscribe(topic, {
        message: (message) => tell(message, subscription),
        lost: () => {},
      });
      subscriptions.set(subscription, opening);
      const { cursor } = await opening;
      tellLoss();
      return cursor;
    },
    unsubscribe,
    async read(topic: string) {
      // One after the other: each may be as large as all that is kept.
      const read = reading.then(async () => {
        await rpc.untilBelow(MAX_WAITING_BYTES / 2);
        const { messages, horizon } = await backend.read(topic);
        tellLoss();
        return { messages: messages.map(withoutState), horizon };
      });
      reading = read.catch(() => {});
      return read;
    },
    async cursor() {
      const head = await backend.readHead();
      tellLoss();
      return head;
    },
  } satisfies Record<keyof LogMethods, unknown>;

  const rpc = createRpc(link, { methods: { ...methods, ...served }, toError });
  // Workers that read nothing of what is published hear of the head in time for their heartbeats.
  const timer = startInterval(() => {
    // Nothing is added for a process that stands still.
    if (rpc.waitingBytes() > MAX_WAITING_BYTES / 2) return;
    tellLoss();
    rpc.notify("news", [{ head: backend.head() } satisfies LogNews]);
  }, HEAD_INTERVAL_MS);
  timer.unref();
  link.onClose(() => {
    clearInterval(timer);
    for (const subscription of subscriptions.keys()) unsubscribe(subscription);
  });
  return rpc;
}

const HEAD_INTERVAL_MS = 1000;
/** What a message costs beside its frame, roughly. */
const MESSAGE_BYTES = 128;
/** Messages that are sent as one. */
const MAX_BATCH = 100;

/** Whether a message is superseded is the matter of each log that holds it. */
function withoutState(message: LogMessage): SentMessage {
  const { superseded: _, ...sent } = message;
  return sent;
}

/** An error that crossed a link, as it was. */
export function toError({ code, message }: { code: string | undefined; message: string }): Error {
  return new SseBusError((code ?? "BACKEND_UNAVAILABLE") as SseBusErrorCode, message);
}
