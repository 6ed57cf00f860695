import {
  type PostgresDatabase,
  type ListenEvents,
  type Listening,
  toRows,
  answerWithin,
} from "./database.ts";
import { isStatementError } from "./errors.ts";

/** What is used of the `Pool` of `pg`. */
export interface PgPool {
  connect(): Promise<PgPoolClient>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "acquire", listener: (client: PgPoolClient) => void): unknown;
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

const guarded = new WeakSet<PgPool | PgPoolClient>();

export function pgDatabase(pool: PgPool, timeoutMs: number): PostgresDatabase {
  guard(pool);

  async function acquire(): Promise<PgPoolClient> {
    const connecting = pool.connect();
    try {
      return await answerWithin(connecting, timeoutMs, "a request for a connection of the pool");
    } catch (error) {
      // A connection that arrives later goes back to the pool: its caller already got an error.
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
      const result = await answerWithin(client.query(text, [...values]), timeoutMs, "a statement");
      isSound = true;
      return result;
    } catch (error) {
      isSound = isStatementError(error);
      throw error;
    } finally {
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
    // Destroyed, because the next user of the pool must not get a connection that listens.
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
    await answerWithin(client.query(`LISTEN ${channel}`), timeoutMs, "LISTEN");
  } catch (error) {
    end();
    throw error;
  }
  return { close: async () => void end() };
}

/**
 * A client that loses its server emits an error, and so does the pool for an idle client. An error
 * without a listener ends the process. The pool removes its listener when it gives a client out, and
 * the error may be in the same chunk: only a listener added on `acquire` is early enough. It is never
 * removed, because a client may fail after its release. Statements report errors by themselves.
 */
function guard(pool: PgPool): void {
  if (guarded.has(pool)) return;
  guarded.add(pool);
  pool.on("error", ignore);
  pool.on("acquire", (client) => {
    if (guarded.has(client)) return;
    guarded.add(client);
    client.on("error", ignore);
  });
}

function ignore(): void {}
