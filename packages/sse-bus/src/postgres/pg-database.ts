import { type Database, type ListenEvents, type Listening, toRows, within } from "./database.ts";
import { isStatementError } from "./postgres-error.ts";

/** What is used of the `Pool` of `pg`. */
export interface PgPool {
  connect(): Promise<PgPoolClient>;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly totalCount: number;
  readonly options: { readonly max?: number | undefined };
}

/** What is used of a client from the `Pool` of `pg`. */
export interface PgPoolClient {
  query(text: string, values?: unknown[]): Promise<{ rows: object[] }>;
  // oxlint-disable-next-line typescript/no-explicit-any -- as Node types its emitters
  on(event: string, listener: (...args: any[]) => void): unknown;
  // oxlint-disable-next-line typescript/no-explicit-any
  off(event: string, listener: (...args: any[]) => void): unknown;
  release(destroy?: boolean): void;
}

const guarded = new WeakSet<PgPool>();

export function pgDatabase(pool: PgPool, timeoutMs: number): Database {
  // An idle client that loses its server makes the pool emit an error, and an error that nobody
  // listens for ends the process. For good: what this backend hands back may still fail later.
  if (!guarded.has(pool)) pool.on("error", ignore);
  guarded.add(pool);

  async function acquire(): Promise<PgPoolClient> {
    const connecting = pool.connect();
    try {
      const client = await within(connecting, timeoutMs, "a request for a connection of the pool");
      client.on("error", ignore);
      return client;
    } catch (error) {
      // One that comes later goes back unused: its caller was told that it has failed.
      connecting.then(
        (client) => client.release(),
        () => {},
      );
      throw error;
    }
  }

  async function run(text: string, values: readonly unknown[]): Promise<{ rows: object[] }> {
    const client = await acquire();
    let isSound = false;
    try {
      const result = await within(client.query(text, [...values]), timeoutMs, "a statement");
      isSound = true;
      return result;
    } catch (error) {
      isSound = isStatementError(error);
      throw error;
    } finally {
      client.off("error", ignore);
      client.release(!isSound);
    }
  }

  return {
    query: async (text, values) => toRows((await run(text, values)).rows),
    script: async (text) => void (await run(text, [])),
    async listen(channel, events) {
      const client = await acquire();
      return listenOn(client, { channel, events, timeoutMs });
    },
  };
}

async function listenOn(
  client: PgPoolClient,
  { channel, events, timeoutMs }: { channel: string; events: ListenEvents; timeoutMs: number },
): Promise<Listening> {
  let isOpen = true;
  const notified = (message: { channel: string; payload?: string }): void => {
    if (message.channel === channel) events.notified(message.payload ?? "");
  };
  const end = (): boolean => {
    if (!isOpen) return false;
    isOpen = false;
    client.off("notification", notified);
    client.off("error", lost);
    client.off("end", lost);
    // Destroyed: the next user of the pool must not get a connection that listens.
    client.release(true);
    return true;
  };
  const lost = (): void => {
    if (end()) events.lost();
  };
  client.on("notification", notified);
  client.on("error", lost);
  client.on("end", lost);
  try {
    await within(client.query(`LISTEN ${channel}`), timeoutMs, "LISTEN");
  } catch (error) {
    end();
    throw error;
  }
  return { close: async () => void end() };
}

function ignore(): void {}
