import type { BackendHost, BackendStatus } from "../core/backend.ts";
import { isSseBusError } from "../core/errors.ts";
import type { Cursor } from "../core/position.ts";
import { createServerClock } from "../core/server-clock.ts";
import { closed, type Commands, createCommands } from "./commands.ts";
import type { HistorySource } from "./history.ts";
import { inTime } from "./in-time.ts";
import { createKeeper } from "./keeper.ts";
import type { Keys } from "./keys.ts";
import type { Connector } from "./link.ts";
import { createLive, type Live } from "./live.ts";
import { MARK } from "./log-scripts.ts";
import { markArguments, toHead } from "./marker.ts";
import type { RedisSettings } from "./options.ts";
import { createSweeper } from "./sweeper.ts";
import { unavailable } from "./unavailable.ts";
import { startInterval } from "../core/timers.ts";

/** An instance from open to close: two connections, kept up, and what goes through them. */
export interface Session {
  readonly commands: Commands;
  readonly live: Live;
  readonly source: HistorySource;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly settings: RedisSettings;
  readonly connector: Connector;
  readonly keys: Keys;
  readonly host: BackendHost;
}

/** How long close() waits for answers to what is under way. */
const CLOSE_MS = 1000;

/** @throws SseBusError `BACKEND_UNAVAILABLE`; nothing is left behind then */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { settings, connector, keys, host } = options;
  const { markMs, timeoutMs, waitMs } = settings;
  let live: Live | undefined;
  let status: BackendStatus | undefined;
  let sweepTimer: ReturnType<typeof setInterval> | undefined;
  let head: Cursor | undefined;
  let closing: Promise<void> | undefined;

  const commands = createCommands({ timeoutMs, waitMs, drop: (cause) => sending.drop(cause) });
  const clock = createServerClock();
  const source: HistorySource = { commands, keys, limits: host.history, clock };
  const sending = createKeeper({
    connector,
    connectTimeoutMs: timeoutMs,
    onMessage() {},
    async onUp(link) {
      // Before anything else is sent: another server than the last one may have an older log.
      const args = markArguments({ keys }, { seen: live?.seen ?? head, asksRun: true });
      head = toHead(await commands.runOn(link, MARK, [keys.bus, keys.probe], args), clock);
      commands.use(link);
      report();
    },
    onDown(cause) {
      commands.lose(cause);
      report(cause);
    },
  });
  const receiving = createKeeper({
    connector,
    connectTimeoutMs: timeoutMs,
    onMessage: (channel, text) => live?.receive(channel, text),
    async onUp(link) {
      live?.use(link);
    },
    onDown(cause) {
      live?.use(undefined);
      report(cause);
    },
  });

  function report(cause?: Error): void {
    if (!live || closing) return;
    const next = commands.isReady && live.isLive ? "up" : "down";
    // Until it has been up once, the rejection of open() tells.
    if (next === status || (status === undefined && next === "down")) return;
    status = next;
    if (next === "down") host.onError(unavailable(cause ?? new Error("The connection is lost")));
    host.onStatus(next);
  }

  async function connect(resolve: () => void): Promise<void> {
    await sending.open();
    live = createLive({
      source,
      host,
      start: head as Cursor,
      markMs,
      timeoutMs,
      waitMs,
      drop: (cause) => receiving.drop(cause),
      onChange() {
        if (live?.isLive) resolve();
        report();
      },
    });
    await receiving.open();
  }

  async function end(): Promise<void> {
    clearInterval(sweepTimer);
    live?.close(closed());
    receiving.close();
    commands.close();
    // What is under way shall have its answer, unless the server is gone.
    await inTime("the last answers", CLOSE_MS, async (resolve) => {
      await commands.idle();
      resolve();
    }).catch(() => {});
    sending.close();
    commands.lose(closed());
  }

  async function close(): Promise<void> {
    closing ??= end();
    return closing;
  }

  try {
    await inTime("the first marker", 2 * timeoutMs, connect);
  } catch (error) {
    await close();
    throw isSseBusError(error) ? error : unavailable(error);
  }
  const sweep = createSweeper(source);
  sweepTimer = startInterval(() => {
    // An outage has been told; what could not be looked over now is looked over later.
    if (commands.isReady) sweep().catch(() => {});
  }, markMs);
  return { commands, live: live as unknown as Live, source, close };
}
