import type {
  Backend,
  BackendStatus,
  HistoryOptions,
  Stored,
} from "../../packages/sse-bus/src/index.ts";
import { createHistoryResolver } from "../../packages/sse-bus/src/core/history.ts";
import { messageJson } from "../../packages/sse-bus/src/core/message.ts";

/** The backend of one process, and a record of all its reports. */
export interface NatsInstance extends AsyncDisposable {
  readonly backend: Backend;
  readonly statuses: BackendStatus[];
  readonly errors: Error[];
  /** The epochs of `onRestart`. */
  readonly restarts: string[];
  /** Statuses, restarts and losses in the order of their reports. */
  readonly reports: string[];
  publish(channel: string, data: unknown, options?: { key?: string; id?: string }): Promise<Stored>;
  listen(topic: string): Promise<NatsSubscriber>;
  /** Data of a topic's history. */
  kept(topic: string): Promise<unknown[]>;
}

/** What a subscription has received. */
export interface NatsSubscriber {
  readonly cursor: number;
  readonly data: unknown[];
  readonly seqs: number[];
  readonly losses: number[];
}

/** Opens a backend with a host that only records what is reported to it. */
export async function openInstance(
  backend: Backend,
  history?: HistoryOptions,
): Promise<NatsInstance> {
  const statuses: BackendStatus[] = [];
  const errors: Error[] = [];
  const restarts: string[] = [];
  const reports: string[] = [];
  await backend.open({
    history: createHistoryResolver(history),
    maxHistoryBytes: 67_108_864,
    onError: (error) => void errors.push(error),
    onStatus(status) {
      statuses.push(status);
      reports.push(status);
    },
    onRestart() {
      restarts.push(backend.head().epoch);
      reports.push("restart");
    },
  });
  return {
    backend,
    statuses,
    errors,
    restarts,
    reports,
    async publish(channel, data, { key, id } = {}) {
      return backend.publish({ channel, event: "message", key, id, json: JSON.stringify(data) });
    },
    async listen(topic) {
      const data: unknown[] = [];
      const seqs: number[] = [];
      const losses: number[] = [];
      const { cursor } = await backend.subscribe(topic, {
        message(message) {
          data.push(JSON.parse(messageJson(message)));
          seqs.push(message.seq);
        },
        lost(seq) {
          losses.push(seq);
          reports.push(`${topic} lost ${seq}`);
        },
      });
      return { cursor: cursor.seq, data, seqs, losses };
    },
    async kept(topic) {
      const { messages } = await backend.read(topic);
      return messages.map((message) => JSON.parse(messageJson(message)) as unknown);
    },
    [Symbol.asyncDispose]: async () => backend.close(),
  };
}

/** Publishes `count` messages, many at a time; data are the numbers from `first` on. */
export async function publishMany(
  instance: NatsInstance,
  channel: string,
  { count, first = 0, key }: { count: number; first?: number; key?: string },
): Promise<Stored[]> {
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  return Promise.all(
    numbers.map(async (n) => instance.publish(channel, n, { ...(key !== undefined && { key }) })),
  );
}
