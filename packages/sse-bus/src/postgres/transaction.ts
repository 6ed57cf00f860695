import type { Pending, NewMessage, Stored } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import { type Row, toRows, type StatementValues } from "./database.ts";

/**
 * An open transaction for `bus.publish(data, { tx })`. One of:
 *
 * - a client of `pg` after its `BEGIN`, or any object with the same `query`
 * - the `sql` that Postgres.js passes to the callback of `sql.begin`
 * - a function that runs a statement in the transaction of any other library
 */
export type PostgresTransaction =
  | { query(text: string, values: unknown[]): PromiseLike<StatementResult> }
  // oxlint-disable-next-line typescript/no-explicit-any -- Postgres.js asks for its own types
  | { unsafe(text: string, values: any[]): PromiseLike<readonly object[]> }
  | ((text: string, values: (string | null)[]) => PromiseLike<StatementResult>);

/** Rows, or a result with rows. */
export type StatementResult = readonly object[] | { readonly rows: readonly object[] };

export interface TransactionalMessages {
  readonly schema: string;
  /** Identifies the commits of this process. */
  readonly origin: string;
  readonly messages: readonly NewMessage[];
}

/**
 * Publishes messages as part of the caller's transaction, in order, with one statement.
 *
 * @throws SseBusError `INVALID_OPTION` if `tx` is not a transaction; errors of the client, unchanged
 */
export async function publishInTransaction(
  tx: unknown,
  { schema, origin, messages }: TransactionalMessages,
): Promise<readonly (Stored | Pending)[]> {
  const entries = messages.map(({ channel, event, key, json: data, id, raw = false }) => ({
    channel,
    event,
    key,
    data,
    id,
    raw,
  }));
  const rows = await queryIn(
    tx,
    // A function in FROM is called for one row after the other, in the order of the entries.
    `SELECT p.duplicate::text, p.epoch, p.seq::text, p."time"::text, p.channel
      FROM ROWS FROM (
        json_to_recordset($1::text::json) AS (channel text, event text, key text, data text, id text, raw boolean)
      ) WITH ORDINALITY AS e(channel, event, key, data, id, raw, place)
      CROSS JOIN LATERAL ${schema}.enqueue(e.channel, e.event, e.key, e.data, e.id, $2::text, e.raw) p
      ORDER BY e.place`,
    [JSON.stringify(entries), origin],
  );
  return rows.map(([isRepeat, epoch, seq, time, storedChannel]) => {
    const place = { channel: storedChannel as string, duplicate: isRepeat === "true" };
    if (seq == null) return { pending: true, ...place };
    return { seq: Number(seq), time: Number(time), epoch: epoch as string, ...place };
  });
}

async function queryIn(tx: unknown, text: string, values: StatementValues): Promise<Row[]> {
  const result = await runner(tx)(text, [...values]);
  return toRows("rows" in result ? result.rows : result);
}

type Run = (text: string, values: (string | null)[]) => PromiseLike<StatementResult>;

function runner(tx: unknown): Run {
  const isObject = (typeof tx === "object" && tx !== null) || typeof tx === "function";
  if (!isObject) throw invalid(`it is ${tx === null ? "null" : typeof tx}`);
  const { query, unsafe, begin, totalCount } = tx as Record<string, unknown>;
  // On a pool, the message would be published outside of the transaction, and survive its rollback.
  if (typeof totalCount === "number")
    throw invalid("it is a pool: pass the client you ran BEGIN on");
  if (typeof unsafe === "function") {
    if (typeof begin === "function") throw invalid("it is the `sql` outside of `sql.begin`");
    return (text, values) => (tx as { unsafe: Run }).unsafe(text, values);
  }
  if (typeof query === "function")
    return (text, values) => (tx as { query: Run }).query(text, values);
  if (typeof tx === "function") return tx as Run;
  throw invalid("it has neither `query` nor `unsafe`");
}

function invalid(why: string): SseBusError {
  return new SseBusError(
    "INVALID_OPTION",
    `\`tx\` must be an open transaction of Postgres, and ${why}. Pass the client of \`pg\` that ran BEGIN, the \`sql\` that \`sql.begin\` hands you, or a function (text, values) => rows.`,
  );
}
