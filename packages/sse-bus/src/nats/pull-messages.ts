import { type Delivery, statusOf, toDelivery } from "./delivery.ts";
import { type ConsumerConfig, type JetStream, toMs } from "./jetstream.ts";
import type { Link } from "./link.ts";
import type { NatsMessage } from "./nats-connection.ts";
import { unavailable } from "./unavailable.ts";
import { startTimeout } from "../core/timers.ts";

export interface PullOptions {
  readonly filter: string;
  readonly policy: Extract<ConsumerConfig["deliver_policy"], "all" | "last_per_subject">;
  readonly inboxPrefix: string;
  readonly timeoutMs: number;
  onDelivery(delivery: Delivery): void;
}

const FIRST_BATCH = 64;
const MAX_BATCH = 1000;
/** Asked for at once: far below what a server lets pile up for one connection (64 MB). */
const MAX_BATCH_BYTES = 4_194_304;

/**
 * Gives every message of a subject that the stream has now, oldest first.
 *
 * @returns the server's time at the beginning, in ms since 1970
 */
export async function pullMessages(
  { link, js }: { readonly link: Link; readonly js: JetStream },
  options: PullOptions,
): Promise<number> {
  const name = `sse-bus-${crypto.randomUUID()}`;
  const { filter: filter_subject, policy: deliver_policy } = options;
  const info = await js.createConsumer(name, { deliver_policy, filter_subject });
  try {
    if (info.num_pending > 0) await link.guard(pullAll({ link, js }, { ...options, name }));
    return toMs(info.created);
  } finally {
    // Best effort: without us it goes by itself after a while.
    if (link.isUp) void js.deleteConsumer(name).catch(() => {});
  }
}

function pullAll(
  { link, js }: { readonly link: Link; readonly js: JetStream },
  options: PullOptions & { readonly name: string },
): Promise<void> {
  const { name, inboxPrefix, timeoutMs, onDelivery } = options;
  const inbox = `${inboxPrefix}.${name}`;
  return new Promise((resolve, reject) => {
    let received = 0;
    let asked = 0;
    let largest = 1;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = link.subscribe(inbox, (message) => {
      try {
        take(message);
      } catch (error) {
        end(error as Error);
      }
    });

    function ask(batch: number): void {
      asked = batch;
      clearTimeout(timer);
      timer = startTimeout(() => end(unavailable("NATS has not delivered history.")), timeoutMs);
      js.pull(name, { batch, inbox });
    }

    function take(message: NatsMessage): void {
      const delivery = toDelivery(message);
      if (!delivery) {
        const status = statusOf(message);
        // 404 and 408: there is nothing, or nothing more, at this moment.
        if (status === 404 || status === 408) return end();
        return end(unavailable(`NATS ended history: ${message.headers?.description}.`));
      }
      if (delivery.count !== ++received) {
        return end(unavailable("A message of history was lost on the way."));
      }
      largest = Math.max(largest, message.data.length);
      onDelivery(delivery);
      if (delivery.pending === 0) return end();
      if (--asked > 0) return;
      ask(Math.max(1, Math.min(MAX_BATCH, Math.floor(MAX_BATCH_BYTES / largest))));
    }

    function end(error?: Error): void {
      clearTimeout(timer);
      unsubscribe();
      if (error) reject(error);
      else resolve();
    }

    try {
      ask(FIRST_BATCH);
    } catch (error) {
      end(error as Error);
    }
  });
}
