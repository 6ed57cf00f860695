import { createClient } from "redis";

import {
  type Backend,
  createBus,
  isSseBusError,
  type SseBusError,
} from "../../packages/sse-bus/src/index.ts";
import { waitFor } from "../support/wait-for.ts";

export type TestBus = ReturnType<typeof createBus>;

export function openBus(backend: Backend): TestBus {
  return createBus({ backend, onError: () => {} });
}

let unique = 0;

/** Publishes, and retries with the same id until the server is back. Returns the message's id. */
export async function publishUntilStored(bus: TestBus, channel: string): Promise<string> {
  const data = ++unique;
  const id = `retried ${data}`;
  const publish = async (): Promise<string | undefined> =>
    bus.publish(data, { channel, id }).then(
      (published) => published.id,
      (error: unknown) => {
        if (isSseBusError(error) && error.code === "BACKEND_UNAVAILABLE") return undefined;
        throw error;
      },
    );
  return waitFor("a publish", publish, { timeoutMs: 15_000 });
}

export function seqOf(id: string): number {
  return Number.parseInt(id, 36);
}

export function epochOf(id: string): string | undefined {
  return /-([^-@]+)(?:@|$)/.exec(id)?.[1];
}

export function asError(error: unknown): SseBusError {
  return error as SseBusError;
}

export interface Admin extends AsyncDisposable {
  command(args: readonly string[]): Promise<unknown>;
  evictedKeys(): Promise<number>;
  info(): Promise<string>;
  commandStats(): Promise<string>;
}

/** Connects directly to Redis, without the test's proxies. */
export async function connectAdmin(port: number): Promise<Admin> {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", () => {});
  await client.connect();
  const admin: Admin = {
    command: async (args) => client.sendCommand([...args]),
    info: async () => client.sendCommand<string>(["INFO"]),
    commandStats: async () => client.sendCommand<string>(["INFO", "commandstats"]),
    evictedKeys: async () => Number(/evicted_keys:(\d+)/.exec(await admin.info())?.[1]),
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
  return admin;
}
