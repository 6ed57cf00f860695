import type { BackendHost, Feed, TopicSubscription } from "../core/backend.ts";
import { createMessage, type LogMessage } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";
import { createBackoff } from "./backoff.ts";
import type { Log } from "./log.ts";
import type { Page, PageMessage } from "./page.ts";
import { closedError, toBackendError } from "./postgres-error.ts";
import { createTopics } from "./topics.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * The one ordered reader of a process: it reads on from where it is, again and again, and hands each
 * message to whoever subscribes. Notifications and polls only wake it, so it does not matter which
 * of them are lost.
 */
export interface Tail {
  /** Reads for the first time. */
  start(): Promise<void>;
  /** There may be something new. */
  wake(): void;
  /** The log has been announced to reach `seq`. */
  announced(seq: number): void;
  reached(): Cursor;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  /** Resolves once everything that is in the log now has been handed over. */
  caughtUp(): Promise<Cursor>;
  close(): Promise<void>;
}

export interface TailOptions {
  readonly log: Log;
  readonly host: BackendHost;
  /** How long to wait for a notification before looking anyway, in ms. */
  readonly pollMs: () => number;
  /** Committed messages wait for a position. */
  readonly onPending: () => void;
  /** A poll found what no notification had announced. */
  readonly onUnannounced: () => void;
}

/** Waits until the log was read up to where it was when the wait began. */
interface Waiter {
  /** The head that was seen first; unknown until the next read. */
  until: number | undefined;
  resolve(cursor: Cursor): void;
  reject(error: Error): void;
}

export function createTail(options: TailOptions): Tail {
  const { log, host, pollMs, onPending, onUnannounced } = options;
  const topics = createTopics();
  const backoff = createBackoff();
  let cursor: Cursor = { seq: 0, time: 0, epoch: "0" };
  /** Came after the last read began, and before it. */
  let waiters: Waiter[] = [];
  let asked: Waiter[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let isWoken = false;
  let isPoll = false;
  let isDown = false;
  let isClosed = false;

  function wake(): void {
    isWoken = true;
    if (running || isClosed) return;
    clearTimeout(timer);
    running = run();
  }

  async function run(): Promise<void> {
    let delayMs = 0;
    while (isWoken) {
      isWoken = false;
      try {
        if (isDown) await log.attend();
        await readOn();
        delayMs = pollMs();
      } catch (error) {
        if (!isClosed) fail(error);
        delayMs = backoff.nextMs();
        break;
      }
      if (isClosed) return;
    }
    // In the turn that found nothing more to do, or a wake in between would be for nobody.
    running = undefined;
    if (isClosed) return;
    timer = startTimeout(() => {
      isPoll = !isDown;
      wake();
    }, delayMs);
  }

  /** Reads one page. More is read when there is more, at once. */
  async function readOn(): Promise<void> {
    asked = [...asked, ...waiters];
    waiters = [];
    const wasPoll = isPoll;
    isPoll = false;
    const page = await log.page(cursor.seq, topics.filter(), false);
    if (isClosed) return;
    if (page.epoch !== cursor.epoch) {
      restart(page);
    } else if (page.head.seq < cursor.seq) {
      // Not a message of this epoch can be trusted to be what was handed over under its position.
      await log.restart(cursor);
      isWoken = true;
      return;
    } else {
      await deliver(page);
    }
    if (isClosed) return;
    if (page.isPending) onPending();
    if (wasPoll && page.messages.length > 0) onUnannounced();
    if (!page.isWhole) isWoken = true;
    else up();
    settle(page.head.seq);
  }

  async function deliver(given: Page): Promise<void> {
    let page = given;
    if (page.dropped > cursor.seq && !topics.filter().isEmpty) {
      // Retention has been where this process has not: what it took can only be told.
      page = await log.page(cursor.seq, topics.filter(), true);
      if (isClosed) return;
      if (page.epoch !== cursor.epoch) return restart(page);
      topics.lose(page.horizons, page.floor > cursor.seq ? page.floor : 0);
    }
    for (const message of page.messages) hand(message);
    if (page.isWhole && page.head.seq > cursor.seq) {
      cursor = { ...page.head, epoch: page.epoch };
    }
  }

  function hand(row: PageMessage): void {
    // First, because whoever is handed it may ask.
    cursor = { seq: row.seq, time: row.time, epoch: cursor.epoch };
    let message: LogMessage | undefined;
    topics.visit(row.channel, (feed) =>
      feed.message((message ??= createMessage(row, row, cursor.epoch))),
    );
  }

  function restart({ epoch, head }: Page): void {
    const isFirst = cursor.epoch === "0";
    cursor = { ...head, epoch };
    if (!isFirst) host.onRestart();
  }

  function settle(head: number): void {
    const all = asked;
    asked = [];
    for (const waiter of all) {
      waiter.until ??= head;
      if (waiter.until <= cursor.seq) waiter.resolve(cursor);
      else asked.push(waiter);
    }
  }

  function refuse(error: Error): void {
    const all = [...asked, ...waiters];
    asked = [];
    waiters = [];
    for (const { reject } of all) reject(error);
  }

  function up(): void {
    backoff.reset();
    if (!isDown) return;
    isDown = false;
    host.onStatus("up");
  }

  function fail(error: unknown): void {
    const failure = toBackendError(error, "read the log");
    refuse(failure);
    if (isDown) return;
    isDown = true;
    host.onStatus("down");
    host.onError(failure);
  }

  function wait<T>(then: (cursor: Cursor) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (isClosed) return reject(closedError());
      waiters.push({ until: undefined, resolve: (at) => resolve(then(at)), reject });
      wake();
    });
  }

  return {
    start: () => wait(() => {}),
    wake,
    announced(seq) {
      if (seq > cursor.seq || seq === 0) wake();
    },
    reached: () => cursor,
    // Added in the turn in which the cursor is known, so that nothing is handed over in between.
    subscribe: (topic, feed) => wait((at) => ({ cursor: at, close: topics.add(topic, feed) })),
    caughtUp: () => wait((at) => at),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      refuse(closedError());
      await running;
    },
  };
}
