import type { Backend, NewMessage, Pending, Stored } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import { type PostgresBackendOptions, resolvePostgresOptions } from "./options.ts";
import { closedError, toBackendError } from "./errors.ts";
import { openPostgresSession, type PostgresSession } from "./session.ts";

/**
 * Stores the log in your app's PostgreSQL database (13 or later). It needs no other server, and can
 * publish a message in the same transaction as the change that it describes.
 *
 * Create one backend for each bus; the rest of the app may use the same pool. The tables are in a
 * separate schema, which the backend creates at the first start unless `migrate` is false.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * import { Pool } from "pg";
 * import { createBus } from "sse-bus";
 * import { postgresBackend } from "sse-bus/postgres";
 *
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL });
 * const bus = createBus({ backend: postgresBackend({ pool }) });
 *
 * const tx = await pool.connect();
 * try {
 *   await tx.query("BEGIN");
 *   await tx.query("UPDATE orders SET status = 'paid' WHERE id = 42");
 *   await bus.publish({ status: "paid" }, { channel: "orders/42", tx });
 *   await tx.query("COMMIT");
 * } catch (error) {
 *   await tx.query("ROLLBACK");
 *   throw error;
 * } finally {
 *   tx.release();
 * }
 * ```
 */
export function postgresBackend(options: PostgresBackendOptions): Backend {
  const resolved = resolvePostgresOptions(options);
  let session: PostgresSession | undefined;
  let opening: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function use<T>(what: string, run: (session: PostgresSession) => Promise<T>): Promise<T> {
    if (!session || closing) throw closedError();
    try {
      return await run(session);
    } catch (error) {
      throw toBackendError(error, what);
    }
  }

  const publishMany = async (messages: readonly NewMessage[]): Promise<readonly Stored[]> =>
    use("publish", ({ publish }) => publish(messages));

  async function publishManyIn(
    tx: unknown,
    messages: readonly NewMessage[],
  ): Promise<readonly (Stored | Pending)[]> {
    if (!session || closing) throw closedError();
    // The client's own error: callers decide by its code whether to retry the transaction.
    return session.publishIn(tx, messages);
  }

  return {
    name: "postgres",
    async open(host) {
      if (closing) throw closedError();
      if (opening) {
        throw new SseBusError("INVALID_OPTION", "A postgresBackend is for one bus: make another.");
      }
      opening = openPostgresSession(resolved, host).then((opened) => void (session = opened));
      try {
        await opening;
      } catch (error) {
        opening = undefined;
        throw toBackendError(error, "open the log");
      }
    },
    publish: async (message) => {
      const [stored] = await publishMany([message]);
      return stored as Stored;
    },
    publishMany,
    async publishIn(tx, message) {
      const [placed] = await publishManyIn(tx, [message]);
      return placed as Stored | Pending;
    },
    publishManyIn,
    subscribe: (topic, feed) => use("subscribe", ({ subscribe }) => subscribe(topic, feed)),
    read: (topic) => use("read history", ({ read }) => read(topic)),
    readHead: () => use("read the head", ({ readHead }) => readHead()),
    now: () => session?.now() ?? Date.now(),
    head: () => session?.head() ?? { seq: 0, time: 0, epoch: "0" },
    close() {
      closing ??= (async () => {
        await opening?.catch(() => {});
        await session?.close();
      })();
      return closing;
    },
  };
}
