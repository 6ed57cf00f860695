import { type Backend, createBus } from "sse-bus";

/** A server, as a bus uses it and as its bare client does. */
export interface BackendServer {
  ours(): Promise<Connected>;
  bare(): Promise<Connected>;
}

export interface Connected {
  publish(data: unknown): Promise<unknown>;
  readonly publishBatch?: (all: readonly unknown[]) => Promise<unknown>;
  /** Calls this for each message that another instance publishes. Resolves once that is so. */
  onMessage(listener: () => void): Promise<void>;
  close(): Promise<void>;
}

const CHANNEL = "bench";

/** A name that every server accepts. */
export function uniqueName(): string {
  return `bench_${crypto.randomUUID().replaceAll("-", "")}`;
}

/** Two instances on one log: the first publishes, the second connects when it is to read. */
export async function connectBuses(
  connect: () => Backend | Promise<Backend>,
  close: () => Promise<void>,
): Promise<Connected> {
  const publisher = createBus({ backend: await connect() });
  const reader = createBus({ backend: await connect() });
  await publisher.cursor();
  return {
    publish: async (data) => publisher.publish(data, { channel: CHANNEL }),
    publishBatch: async (all) =>
      publisher.publishMany(all.map((data) => ({ data, channel: CHANNEL }))),
    async onMessage(listener) {
      reader.subscribe(listener, { channel: CHANNEL });
      // A publish waits until the subscribers of its process are live.
      await reader.publish(0, { channel: "other" });
    },
    async close() {
      await Promise.all([publisher.close(), reader.close()]);
      await close();
    },
  };
}
