import type { Backend, PublishEntry, Subscription } from "../core/backend.ts";
import { SseBusError, type SseBusErrorCode } from "../core/errors.ts";
import type { LogMessage } from "../core/message.ts";
import type { LogMethods, LogNews, SentMessage } from "./log-protocol.ts";
import { createRpc, type Link, type Rpc, type RpcMethods } from "./rpc.ts";

/**
 * Lets another process use a memory backend of this one over a link; `workerBackend` is the other
 * end. Ends with the link.
 */
export function serveLog(backend: Backend, link: Link, methods: RpcMethods = {}): Rpc {
  const subscriptions = new Map<number, Subscription>();
  let news: LogNews[] = [];
  let last: { readonly message: LogMessage; readonly subscriptions: number[] } | undefined;

  function tell(message: LogMessage, subscription: number): void {
    // A channel and a pattern that covers it both get the message: it is sent once for both.
    if (last?.message === message) {
      last.subscriptions.push(subscription);
      return;
    }
    const entry = { message: withoutState(message), subscriptions: [subscription] };
    last = { message, subscriptions: entry.subscriptions };
    if (news.push(entry) === 1) queueMicrotask(flush);
  }

  function flush(): void {
    const batch = news;
    news = [];
    last = undefined;
    if (batch.length > 0) rpc.notify("news", batch);
  }

  const served = {
    async publish(entry: PublishEntry) {
      const stored = await backend.publish(entry);
      // The publisher's own listeners hear of the message before its call is answered.
      flush();
      return stored;
    },
    async subscribe({ topic, subscription }: LogMethods["subscribe"]) {
      const opened = await backend.subscribe(topic, {
        message: (message) => tell(message, subscription),
        lost: () => {},
      });
      subscriptions.set(subscription, opened);
      flush();
      return opened.cursor;
    },
    unsubscribe(subscription: number) {
      subscriptions.get(subscription)?.close();
      subscriptions.delete(subscription);
    },
    async read(topic: string) {
      const { messages, horizon } = await backend.read(topic);
      flush();
      return { messages: messages.map(withoutState), horizon };
    },
    async cursor() {
      const head = await backend.cursor();
      flush();
      return head;
    },
  } satisfies Record<keyof LogMethods, unknown>;

  const rpc = createRpc(link, { methods: { ...methods, ...served }, toError });
  // Workers that read nothing of what is published hear of the head in time for their heartbeats.
  const timer = setInterval(() => {
    flush();
    rpc.notify("news", [{ head: backend.reached() } satisfies LogNews]);
  }, HEAD_INTERVAL_MS);
  timer.unref();
  link.onClose(() => {
    clearInterval(timer);
    for (const subscription of subscriptions.values()) subscription.close();
    subscriptions.clear();
  });
  return rpc;
}

const HEAD_INTERVAL_MS = 1000;

/** Whether a message is superseded is the matter of each log that holds it. */
function withoutState(message: LogMessage): SentMessage {
  const { superseded: _, ...sent } = message;
  return sent;
}

/** An error that crossed a link, as it was. */
export function toError({ code, message }: { code: string | undefined; message: string }): Error {
  return new SseBusError((code ?? "BACKEND_UNAVAILABLE") as SseBusErrorCode, message);
}
