import type { Backend } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import { type PostgresBackendOptions, readOptions } from "./options.ts";
import { closedError, toBackendError } from "./postgres-error.ts";
import { openSession, type Session } from "./session.ts";

/**
 * The log in a PostgreSQL database (13 or later) that your app has anyway: no other server, and a
 * message can be published in the same transaction as the change it tells of.
 *
 * One backend object is for one bus; the pool may be shared with the rest of the app. The tables go
 * into a schema of their own, made at the first start unless `migrate` is off.
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
  const settings = readOptions(options);
  let session: Session | undefined;
  let opening: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function use<T>(what: string, run: (session: Session) => Promise<T>): Promise<T> {
    if (!session || closing) throw closedError();
    try {
      return await run(session);
    } catch (error) {
      throw toBackendError(error, what);
    }
  }

  return {
    name: "postgres",
    async open(host) {
      if (closing) throw closedError();
      if (opening) {
        throw new SseBusError("INVALID_OPTION", "A postgresBackend is for one bus: make another.");
      }
      opening = openSession(settings, host).then((opened) => void (session = opened));
      try {
        await opening;
      } catch (error) {
        opening = undefined;
        throw toBackendError(error, "open the log");
      }
    },
    publish: (entry) => use("publish", ({ publish }) => publish(entry)),
    async publishIn(tx, entry) {
      if (!session || closing) throw closedError();
      // As the client throws it: callers retry a transaction by the server's code.
      return session.publishIn(tx, entry);
    },
    subscribe: (topic, feed) => use("subscribe", ({ subscribe }) => subscribe(topic, feed)),
    read: (topic) => use("read history", ({ read }) => read(topic)),
    readHead: () => use("read the head", ({ head }) => head()),
    now: () => session?.now() ?? Date.now(),
    head: () => session?.reached() ?? { seq: 0, time: 0, epoch: "0" },
    close() {
      closing ??= (async () => {
        await opening?.catch(() => {});
        await session?.close();
      })();
      return closing;
    },
  };
}
