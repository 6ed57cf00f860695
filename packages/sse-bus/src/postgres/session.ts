import type {
  BackendHost,
  Feed,
  Pending,
  NewMessage,
  Stored,
  TopicSubscription,
} from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { createDeadlineClock } from "./deadline-clock.ts";
import { type EpochHistory, readTopicHistory } from "./history.ts";
import { createLogFollower } from "./log-follower.ts";
import { createLogFunctions } from "./log-functions.ts";
import { assertMigrated, migrateDatabase } from "./migrate.ts";
import { createNotifications } from "./notifications.ts";
import type { ResolvedPostgresOptions } from "./options.ts";
import { createPendingTickets } from "./pending-tickets.ts";
import { createPublisher } from "./publisher.ts";
import { createRetention } from "./retention.ts";
import { createSequencer } from "./sequencer.ts";
import { publishInTransaction } from "./transaction.ts";

/** An open backend. */
export interface PostgresSession {
  /** Publishes all messages or none. */
  publish(messages: readonly NewMessage[]): Promise<readonly Stored[]>;
  publishIn(tx: unknown, messages: readonly NewMessage[]): Promise<readonly (Stored | Pending)[]>;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  read(topic: string): Promise<EpochHistory>;
  /** The head of the log. */
  readHead(): Promise<Cursor>;
  /** The newest position that is delivered. */
  head(): Cursor;
  /** The server's time, or a little less. */
  now(): number;
  close(): Promise<void>;
}

/** How often to poll while notifications do not arrive, in ms. */
const POLL_WITHOUT_NOTIFICATIONS_MS = 100;

/** If this rejects, nothing is left open. */
export async function openPostgresSession(
  options: ResolvedPostgresOptions,
  host: BackendHost,
): Promise<PostgresSession> {
  const { database, schema } = options;
  const origin = crypto.randomUUID();
  const clock = createDeadlineClock();
  const tickets = createPendingTickets();
  const log = createLogFunctions(options, clock, tickets);
  const sequencer = createSequencer({
    log,
    tickets,
    onAssigned: () => follower.wake(),
    onError: host.onError,
  });
  const notifications = options.listen
    ? createNotifications({
        database: options.listen,
        log,
        schema,
        origin,
        hasOwnDatabase: options.listen !== database,
        onCommit: sequencer.committed,
        onLog(seq) {
          sequencer.logMoved();
          follower.announced(seq);
        },
        onMayHaveMissed: () => follower.wake(),
        onError: host.onError,
      })
    : undefined;
  const isListening = (): boolean => notifications?.isListening() ?? false;
  const follower = createLogFollower({
    log,
    host,
    pollMs: () =>
      isListening() || !notifications
        ? options.pollMs
        : Math.min(options.pollMs, POLL_WITHOUT_NOTIFICATIONS_MS),
    onPending: () => sequencer.committed(isListening() ? "other" : "unknown"),
    onUnannounced: () => notifications?.verify(),
  });
  const publisher = createPublisher({
    log,
    tickets,
    timeoutMs: options.timeoutMs,
    onStored({ seq, epoch }) {
      if (epoch !== follower.head().epoch) follower.wake();
      else follower.announced(seq);
    },
  });
  const retention = createRetention(log, options, host);
  let hasPublishedInTransaction = false;

  async function close(): Promise<void> {
    await Promise.all([publisher.close(), retention.close()]);
    // A process that ends directly after a commit still gives its messages their positions.
    if (hasPublishedInTransaction) await sequencer.assignAll().catch(() => {});
    await Promise.all([sequencer.close(), notifications?.close(), follower.close()]);
  }

  try {
    if (options.migrate) await migrateDatabase(database, schema);
    else await assertMigrated(database, schema);
    await log.syncClock();
    await log.assertWritable();
    await sequencer.assignAll();
    await follower.start();
    await notifications?.start();
    retention.start();
  } catch (error) {
    await close();
    throw error;
  }

  /** Makes sure that the host learns of a restart of the log before it gets anything of the new log. */
  async function afterRestart<T extends { readonly epoch: string }>(answer: T): Promise<T> {
    if (answer.epoch !== follower.head().epoch) await follower.catchUp();
    return answer;
  }

  return {
    async publish(messages) {
      const stored = await publisher.publish(messages);
      // The messages are stored, so a failure here must not reject the publish.
      if (stored[0]) await afterRestart(stored[0]).catch(() => {});
      return stored;
    },
    async publishIn(tx, messages) {
      const placed = await publishInTransaction(tx, { schema, origin, messages });
      hasPublishedInTransaction = true;
      return placed;
    },
    subscribe: follower.subscribe,
    async read(topic) {
      for (;;) {
        const history = await readTopicHistory(log, host, topic);
        // During a restart, history of one epoch must not be joined with live messages of another.
        if (history.epoch === follower.head().epoch) return history;
        await follower.catchUp();
      }
    },
    readHead: async () => afterRestart(await log.readHead()),
    head: follower.head,
    now: () => Number(clock.in(0)),
    close,
  };
}
