import { type Delivery, statusOf, toDelivery } from "./delivery.ts";
import { type ConsumerConfig, toMs } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsServerConnection } from "./connection.ts";
import type { NatsMessage } from "./client-types.ts";
import { unavailableError } from "./errors.ts";
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
/** Per request: far below what a server buffers for one connection (64 MB). */
const MAX_BATCH_BYTES = 4_194_304;

/**
 * Reads all messages of a subject that the stream has now, oldest first.
 *
 * @returns the server's time at the start, in ms since 1970
 */
export async function pullMessages(
  { connection, js }: { readonly connection: NatsServerConnection; readonly js: JetStream },
  options: PullOptions,
): Promise<number> {
  const name = `sse-bus-${crypto.randomUUID()}`;
  const { filter: filter_subject, policy: deliver_policy } = options;
  const info = await js.createConsumer(name, { deliver_policy, filter_subject });
  try {
    if (info.num_pending > 0)
      await connection.guard(pullAll({ connection, js }, { ...options, name }));
    return toMs(info.created);
  } finally {
    // Best effort: the server deletes an unused consumer by itself.
    if (connection.isUp) void js.deleteConsumer(name).catch(() => {});
  }
}

function pullAll(
  { connection, js }: { readonly connection: NatsServerConnection; readonly js: JetStream },
  options: PullOptions & { readonly name: string },
): Promise<void> {
  const { name, inboxPrefix, timeoutMs, onDelivery } = options;
  const inbox = `${inboxPrefix}.${name}`;
  return new Promise((resolve, reject) => {
    let received = 0;
    let asked = 0;
    let largest = 1;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = connection.subscribe(inbox, (message) => {
      try {
        take(message);
      } catch (error) {
        end(error as Error);
      }
    });

    function ask(batch: number): void {
      asked = batch;
      clearTimeout(timer);
      timer = startTimeout(
        () => end(unavailableError("NATS has not delivered history.")),
        timeoutMs,
      );
      js.pull(name, { batch, inbox });
    }

    function take(message: NatsMessage): void {
      const delivery = toDelivery(message);
      if (!delivery) {
        const status = statusOf(message);
        // 404 and 408: there are no messages, or no more messages, now.
        if (status === 404 || status === 408) return end();
        return end(unavailableError(`NATS ended history: ${message.headers?.description}.`));
      }
      if (delivery.count !== ++received) {
        return end(unavailableError("A message of history was lost on the way."));
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
