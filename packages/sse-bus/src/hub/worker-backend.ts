import type { Backend, BackendHost, Feed, Stored } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import type { Cursor } from "../core/position.ts";
import type { LogEvent } from "./log-protocol.ts";
import { createPageReader } from "./read-pages.ts";
import { createRpc, type Rpc, type RpcMethods } from "./rpc.ts";
import { received } from "./sent-message.ts";
import type { Transport } from "./transport.ts";
import { toError } from "./serve-log.ts";

/** A backend whose log is in another process; see `serveLog`. */
export interface WorkerBackend extends Backend {
  /** For the other calls over the same transport. */
  readonly rpc: Rpc;
}

export function workerBackend(transport: Transport, methods: RpcMethods = {}): WorkerBackend {
  const feeds = new Map<number, { readonly topic: string; readonly feed: Feed }>();
  let host: BackendHost | undefined;
  let head: Cursor | undefined;
  let subscriptions = 0;
  let isClosed = false;

  async function ask<Result>(method: string, argument?: unknown): Promise<Result> {
    if (isClosed) throw new SseBusError("BUS_CLOSED", "The backend is closed: make a new bus.");
    return rpc.call<Result>(method, argument);
  }

  function events(batch: readonly LogEvent[]): void {
    for (const entry of batch) {
      if ("head" in entry) advance(entry.head);
      else if ("lost" in entry) lose(entry);
      else accept(entry);
    }
  }

  function accept({ message, subscriptions }: Extract<LogEvent, { message: unknown }>): void {
    if (head) advance({ seq: message.seq, time: message.time, epoch: head.epoch });
    const own = received(message);
    for (const subscription of subscriptions) feeds.get(subscription)?.feed.message(own);
  }

  function lose({ lost, subscriptions }: Extract<LogEvent, { lost: unknown }>): void {
    for (const subscription of subscriptions) feeds.get(subscription)?.feed.lost(lost);
  }

  function advance(to: Cursor): void {
    if (!head || to.seq >= head.seq) head = to;
  }

  const rpc = createRpc(transport, { methods: { ...methods, events }, toError });
  const pages = createPageReader({
    call: ask,
    notify: rpc.notify,
    isSubscribed: (name) => Array.from(feeds.values()).some(({ topic }) => topic === name),
  });
  transport.onClose(() => host?.onStatus("down"));

  return {
    name: "memory",
    rpc,
    async open(own) {
      host = own;
      head = await ask<Cursor>("cursor");
    },
    publish: (message) => ask<Stored>("publish", message),
    publishMany: (messages) => ask<readonly Stored[]>("publishMany", messages),
    async subscribe(topic, feed) {
      const subscription = subscriptions++;
      // Before the call is answered: its messages may arrive in the same batch as the answer.
      feeds.set(subscription, { topic, feed });
      const close = (): void => {
        if (!feeds.delete(subscription)) return;
        rpc.notify("unsubscribe", subscription);
        pages.endUnwanted(topic);
      };
      try {
        const cursor = await ask<Cursor>("subscribe", { topic, subscription });
        advance(cursor);
        return { cursor, close };
      } catch (error) {
        // The subscription may be open nevertheless, with only its answer missing.
        close();
        throw error;
      }
    },
    read: pages.read,
    readHead: () => ask<Cursor>("cursor"),
    head() {
      if (head) return head;
      throw new SseBusError("BUS_CLOSED", "The backend is not open: a bus opens it.");
    },
    async close() {
      isClosed = true;
      for (const subscription of feeds.keys()) rpc.notify("unsubscribe", subscription);
      feeds.clear();
    },
  };
}
