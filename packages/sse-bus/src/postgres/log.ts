import type { Cursor } from "../core/position.ts";
import type { Clock } from "./clock.ts";
import type { Row } from "./database.ts";
import { migrateDatabase } from "./migrate.ts";
import type { Settings } from "./options.ts";
import { type Page, PAGE_BYTES, PAGE_MESSAGES, parsePage } from "./page.ts";
import { isSchemaMissing } from "./postgres-error.ts";
import type { Tickets } from "./tickets.ts";
import type { TopicFilter } from "./topics.ts";

/** The functions of the schema, as this process calls them. */
export interface Log {
  /** Learns the server's time; from then on every page does. */
  syncClock(): Promise<void>;
  page(after: number, filter: TopicFilter, withLosses: boolean): Promise<Page>;
  head(): Promise<Cursor>;
  history(channel: string | null, pattern: string | null, limits: HistoryBounds): Promise<Row[]>;
  /** Makes sure that the server can be written to and that the epoch is of this server. */
  attend(): Promise<void>;
  /** Makes a new epoch if the log has gone back behind `seen`. */
  restart(seen: Cursor): Promise<void>;
  append(entries: string): Promise<Row[]>;
  /** Gives positions to committed messages, and promises to be back; resolves with how many. */
  sequence(promiseMs: number): Promise<number>;
  /** Runs a function of the schema. */
  call(text: string, values: readonly (string | null)[]): Promise<Row[]>;
}

export interface HistoryBounds {
  readonly messages: number;
  readonly bytes: number;
}

/** Messages numbered in one transaction. */
export const SEQUENCE_LIMIT = 1000;

export function createLog(settings: Settings, clock: Clock, tickets: Tickets): Log {
  const { database, schema: s, timeoutMs } = settings;
  let healing: Promise<void> | undefined;

  /** Tables may be dropped under a running process, or be in a database that is new. */
  async function call(text: string, values: readonly (string | null)[]): Promise<Row[]> {
    try {
      return await database.query(text, values);
    } catch (error) {
      if (!settings.migrate || !isSchemaMissing(error)) throw error;
      healing ??= migrateDatabase(database, s, true).finally(() => (healing = undefined));
      await healing;
      return database.query(text, values);
    }
  }

  const deadline = (): string => clock.in(timeoutMs);

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
    async head() {
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
    async attend() {
      await call(`SELECT ${s}.lock($1::text::bigint)::text`, [deadline()]);
    },
    async restart({ epoch, seq }) {
      await call(`SELECT ${s}.restart($1::text::bigint, $2::text, $3::text::bigint)::text`, [
        deadline(),
        epoch,
        String(seq),
      ]);
    },
    append: (entries) =>
      call(
        `SELECT place::text, epoch, seq::text, "time"::text, channel, duplicate::text
          FROM ${s}.store($1::text::bigint, $2::text::bigint, $3::text::json)`,
        [deadline(), String(tickets.after), entries],
      ),
    async sequence(promiseMs) {
      const { after } = tickets;
      const [row] = await call(
        `SELECT taken::text, ticket::text FROM ${s}.sequence($1::text::bigint, $2::text::bigint, $3::text::integer, $4::text::bigint)`,
        [deadline(), String(after), String(SEQUENCE_LIMIT), String(promiseMs)],
      );
      const taken = Number(row?.[0] ?? 0);
      // With more waiting, what was looked at is not all there is.
      if (taken < SEQUENCE_LIMIT) tickets.taken(Number(row?.[1] ?? 0), after);
      return taken;
    },
  };
}

/** No limit is NULL. */
export function finite(limit: number): string | null {
  return Number.isFinite(limit) ? String(limit) : null;
}
