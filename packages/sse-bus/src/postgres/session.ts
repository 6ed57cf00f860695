import type {
  BackendHost,
  Feed,
  Pending,
  NewMessage,
  Stored,
  TopicSubscription,
} from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { createAppender } from "./appender.ts";
import { createClock } from "./clock.ts";
import { type EpochHistory, readHistory } from "./history.ts";
import { createLog } from "./log.ts";
import { assertMigrated, migrateDatabase } from "./migrate.ts";
import type { Settings } from "./options.ts";
import { createRetention } from "./retention.ts";
import { createSequencer } from "./sequencer.ts";
import { createTail } from "./tail.ts";
import { createTickets } from "./tickets.ts";
import { queryIn } from "./transaction.ts";
import { createWaker } from "./waker.ts";

/** A backend from open to close. */
export interface Session {
  publish(entry: NewMessage): Promise<Stored>;
  publishIn(tx: unknown, entry: NewMessage): Promise<Stored | Pending>;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  read(topic: string): Promise<EpochHistory>;
  head(): Promise<Cursor>;
  reached(): Cursor;
  /** The server's time, or a little less. */
  now(): number;
  close(): Promise<void>;
}

/** Without LISTEN, or while it does not work, in ms. */
const DEAF_POLL_MS = 100;

/** Starts everything, or nothing. */
export async function openSession(settings: Settings, host: BackendHost): Promise<Session> {
  const { database, schema } = settings;
  const origin = crypto.randomUUID();
  const clock = createClock();
  const tickets = createTickets();
  const log = createLog(settings, clock, tickets);
  const sequencer = createSequencer({
    log,
    tickets,
    onTaken: () => tail.wake(),
    onError: host.onError,
  });
  const waker = settings.listen
    ? createWaker({
        database: settings.listen,
        log,
        schema,
        origin,
        isApart: settings.listen !== database,
        onCommit: sequencer.committed,
        onLog(seq) {
          sequencer.moved();
          tail.announced(seq);
        },
        onGap: () => tail.wake(),
        onError: host.onError,
      })
    : undefined;
  const isListening = (): boolean => waker?.isListening() ?? false;
  const tail = createTail({
    log,
    host,
    pollMs: () =>
      isListening() || !waker ? settings.pollMs : Math.min(settings.pollMs, DEAF_POLL_MS),
    onPending: () => sequencer.committed(isListening() ? "other" : "unknown"),
    onUnannounced: () => waker?.doubt(),
  });
  const appender = createAppender({
    log,
    tickets,
    timeoutMs: settings.timeoutMs,
    onStored({ seq, epoch }) {
      if (epoch !== tail.reached().epoch) tail.wake();
      else tail.announced(seq);
    },
  });
  const retention = createRetention(log, settings, host);
  let hasPending = false;

  async function close(): Promise<void> {
    await Promise.all([appender.close(), retention.close()]);
    // A process that ends right after its commit leaves no work to others.
    if (hasPending) await sequencer.drain().catch(() => {});
    await Promise.all([sequencer.close(), waker?.close(), tail.close()]);
  }

  try {
    if (settings.migrate) await migrateDatabase(database, schema);
    else await assertMigrated(database, schema);
    await log.syncClock();
    await log.attend();
    await sequencer.drain();
    await tail.start();
    await waker?.start();
    retention.start();
  } catch (error) {
    await close();
    throw error;
  }

  /** The host hears that the log started anew before it is given anything of the new one. */
  async function told<T extends { readonly epoch: string }>(answer: T): Promise<T> {
    if (answer.epoch !== tail.reached().epoch) await tail.caughtUp();
    return answer;
  }

  return {
    async publish(entry) {
      const stored = await appender.append(entry);
      // What is stored is not refused because its news do not come.
      return told(stored).catch(() => stored);
    },
    async publishIn(tx, { channel, event, key, json, id, raw = false }) {
      const [row] = await queryIn(
        tx,
        `SELECT duplicate::text, epoch, seq::text, "time"::text, channel
          FROM ${schema}.enqueue($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text::boolean)`,
        [channel, event, key ?? null, json, id ?? null, origin, String(raw)],
      );
      hasPending = true;
      const [isRepeat, epoch, seq, time, first] = row ?? [];
      const place = { channel: first as string, duplicate: isRepeat === "true" };
      if (seq == null) return { pending: true, ...place };
      return { seq: Number(seq), time: Number(time), epoch: epoch as string, ...place };
    },
    subscribe: tail.subscribe,
    async read(topic) {
      for (;;) {
        const history = await readHistory(log, host, topic);
        // While the log starts anew, history of one epoch must not meet a window of the other.
        if (history.epoch === tail.reached().epoch) return history;
        await tail.caughtUp();
      }
    },
    head: async () => told(await log.head()),
    reached: tail.reached,
    now: () => Number(clock.in(0)),
    close,
  };
}
