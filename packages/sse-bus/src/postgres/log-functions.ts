import type { Cursor } from "../core/position.ts";
import type { DeadlineClock } from "./deadline-clock.ts";
import type { Row } from "./database.ts";
import { migrateDatabase } from "./migrate.ts";
import type { ResolvedPostgresOptions } from "./options.ts";
import { type LogPage, PAGE_BYTES, PAGE_MESSAGES, parsePage } from "./page.ts";
import { isSchemaMissing } from "./errors.ts";
import type { PendingTickets } from "./pending-tickets.ts";
import type { TopicFilter } from "./topic-registry.ts";

/** The SQL functions of the schema. */
export interface LogFunctions {
  /** Reads the server's time. Every later page updates it. */
  syncClock(): Promise<void>;
  page(after: number, filter: TopicFilter, withLosses: boolean): Promise<LogPage>;
  readHead(): Promise<Cursor>;
  history(channel: string | null, pattern: string | null, limits: HistoryBounds): Promise<Row[]>;
  /** Rejects if the server takes no writes. Starts a new epoch if this is a different server. */
  assertWritable(): Promise<void>;
  /** Starts a new epoch if the head of the log is before `newestSeen`. */
  restart(newestSeen: Cursor): Promise<void>;
  /** Publishes entries, except those whose id an open transaction has locked: they have no `seq`. */
  append(entries: string): Promise<Row[]>;
  /** Publishes all entries or none. Rejects with a lock timeout if the id of one is locked. */
  appendWhole(entries: string): Promise<Row[]>;
  /**
   * Gives committed messages their positions, and resolves with their number. Promises other
   * processes to do so again within `promiseMs`.
   */
  sequence(promiseMs: number): Promise<number>;
  /** Runs a statement on the schema. */
  call(text: string, values: readonly (string | null)[]): Promise<Row[]>;
}

export interface HistoryBounds {
  readonly messages: number;
  readonly bytes: number;
}

/** How many messages one transaction gives positions. */
export const SEQUENCE_LIMIT = 1000;

export function createLogFunctions(
  options: ResolvedPostgresOptions,
  clock: DeadlineClock,
  tickets: PendingTickets,
): LogFunctions {
  const { database, schema: s, timeoutMs } = options;
  let migrating: Promise<void> | undefined;

  /** Migrates again if the tables were dropped, or the database was replaced, while the process runs. */
  async function call(text: string, values: readonly (string | null)[]): Promise<Row[]> {
    try {
      return await database.query(text, values);
    } catch (error) {
      if (!options.migrate || !isSchemaMissing(error)) throw error;
      migrating ??= migrateDatabase(database, s, true).finally(() => (migrating = undefined));
      await migrating;
      return database.query(text, values);
    }
  }

  const deadline = (): string => clock.in(timeoutMs);

  const store = async (name: "store" | "append", entries: string): Promise<Row[]> =>
    call(
      // Without the channels, the answer fits into the buffers of a connection. The server commits once it
      // has sent the answer, and so would wait with the lock for a process that is paused.
      `SELECT place::text, epoch, seq::text, "time"::text, duplicate::text
        FROM ${s}.${name}($1::text::bigint, $2::text::bigint, $3::text::json)`,
      [deadline(), String(tickets.after), entries],
    );

  return {
    call,
    async syncClock() {
      const sent = clock.now();
      const [row] = await call(`SELECT ${s}.now_ms()::text`, []);
      clock.sample(Number(row?.[0]), sent, clock.now());
    },
    async page(after, { isEmpty, channels, pattern }, withLosses) {
      const losses = withLosses ? `UNION ALL SELECT * FROM ${s}.losses($1::text::bigint)` : "";
      const sent = clock.now();
      const rows = await call(
        `SELECT place::text, a, b, c, d, e, f, g FROM (
          SELECT * FROM ${s}.page($1::text::bigint, $2::text::bigint, $3::text::text[], $4::text, $5::text::integer, $6::text::bigint) ${losses}
        ) page`,
        [
          String(after),
          String(tickets.after),
          channels,
          pattern,
          String(isEmpty ? 0 : PAGE_MESSAGES),
          String(PAGE_BYTES),
        ],
      );
      const page = parsePage(rows);
      clock.sample(page.serverMs, sent, clock.now());
      return page;
    },
    async readHead() {
      const [row] = await call(
        `SELECT h.seq::text, h.time::text, st.epoch FROM ${s}.state st, ${s}.head() h`,
        [],
      );
      return { seq: Number(row?.[0]), time: Number(row?.[1]), epoch: row?.[2] as string };
    },
    history: (channel, pattern, { messages, bytes }) =>
      call(
        `SELECT place::text, a, b, c, d, e, f, g FROM ${s}.history($1::text, $2::text, $3::text::bigint, $4::text::bigint)`,
        [channel, pattern, finite(messages), finite(bytes)],
      ),
    async assertWritable() {
      await call(`SELECT ${s}.lock($1::text::bigint)::text`, [deadline()]);
    },
    async restart({ epoch, seq }) {
      await call(`SELECT ${s}.restart($1::text::bigint, $2::text, $3::text::bigint)::text`, [
        deadline(),
        epoch,
        String(seq),
      ]);
    },
    append: (entries) => store("store", entries),
    appendWhole: (entries) => store("append", entries),
    async sequence(promiseMs) {
      const { after } = tickets;
      const [row] = await call(
        `SELECT taken::text, ticket::text FROM ${s}.sequence($1::text::bigint, $2::text::bigint, $3::text::integer, $4::text::bigint)`,
        [deadline(), String(after), String(SEQUENCE_LIMIT), String(promiseMs)],
      );
      const taken = Number(row?.[0] ?? 0);
      // At the limit, there are more messages than this call has looked at.
      if (taken < SEQUENCE_LIMIT) tickets.taken(Number(row?.[1] ?? 0), after);
      return taken;
    },
  };
}

/** NULL for no limit. */
export function finite(limit: number): string | null {
  return Number.isFinite(limit) ? String(limit) : null;
}
