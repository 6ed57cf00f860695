import { SseBusError } from "../core/errors.ts";
import { type Row, toRows, type Values } from "./database.ts";

/**
 * An open transaction, as `bus.publish(data, { tx })` takes it: a client of `pg` after its `BEGIN`,
 * the `sql` that Postgres.js hands to `sql.begin`, anything else with such a `query`, or a function
 * that runs a statement in the transaction of whatever library it is.
 */
export type PostgresTransaction =
  | { query(text: string, values: unknown[]): PromiseLike<StatementResult> }
  // oxlint-disable-next-line typescript/no-explicit-any -- Postgres.js asks for its own types
  | { unsafe(text: string, values: any[]): PromiseLike<readonly object[]> }
  | ((text: string, values: (string | null)[]) => PromiseLike<StatementResult>);

/** Rows, or a result that has them. */
export type StatementResult = readonly object[] | { readonly rows: readonly object[] };

/**
 * Runs one statement in the caller's transaction.
 *
 * @throws SseBusError `INVALID_OPTION` when `tx` is no transaction; what the client throws
 */
export async function queryIn(tx: unknown, text: string, values: Values): Promise<Row[]> {
  const result = await runner(tx)(text, [...values]);
  return toRows("rows" in result ? result.rows : result);
}

type Run = (text: string, values: (string | null)[]) => PromiseLike<StatementResult>;

function runner(tx: unknown): Run {
  const isObject = (typeof tx === "object" && tx !== null) || typeof tx === "function";
  if (!isObject) throw invalid(`it is ${tx === null ? "null" : typeof tx}`);
  const { query, unsafe, begin, totalCount } = tx as Record<string, unknown>;
  // On a pool the message would be published by itself, and stay when the transaction is undone.
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
