import type { BackendHost, BackendStatus, NewMessage, Stored } from "../core/backend.ts";
import { isSseBusError } from "../core/errors.ts";
import type { Cursor } from "../core/position.ts";
import { createServerClock } from "../core/server-clock.ts";
import { startInterval, withTimeout } from "../core/timers.ts";
import { createCommands, type RedisCommands } from "./commands.ts";
import type { RedisConnector } from "./connection.ts";
import { closedError, timeoutError, unavailableError } from "./errors.ts";
import { decodeHead, headArguments, headKeys, READ_HEAD } from "./head-script.ts";
import type { RedisLogAccess } from "./history.ts";
import type { RedisKeys } from "./keys.ts";
import { createLogFollower } from "./log-follower.ts";
import type { RedisLogFollower } from "./log-follower-types.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import { createPublisher } from "./publisher.ts";
import { createReconnector } from "./reconnector.ts";
import { createRetention } from "./retention.ts";

/** An open backend: one connection for commands, one for pub/sub, and what uses them. */
export interface RedisSession {
  readonly commands: RedisCommands;
  readonly follower: RedisLogFollower;
  readonly access: RedisLogAccess;
  /** Publishes all messages or none. */
  publish(messages: readonly NewMessage[]): Promise<readonly Stored[]>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface RedisSessionOptions {
  readonly options: ResolvedRedisOptions;
  readonly connector: RedisConnector;
  readonly keys: RedisKeys;
  readonly host: BackendHost;
  /** Makes sure that the host learns of a restart of the log before it gets anything of the new log. */
  readonly reportRestart: (
    answer: { readonly epoch: string | undefined },
    epochBefore: string,
  ) => Promise<void>;
}

/** How long close() waits for the answers to commands that were sent. */
const CLOSE_MS = 1000;

/** @throws SseBusError `BACKEND_UNAVAILABLE`; then nothing is left open */
export async function openRedisSession({
  options,
  connector,
  keys,
  host,
  reportRestart,
}: RedisSessionOptions): Promise<RedisSession> {
  const { idempotencyMs, markMs, timeoutMs, waitMs } = options;
  let follower: RedisLogFollower | undefined;
  let status: BackendStatus | undefined;
  let retentionTimer: ReturnType<typeof setInterval> | undefined;
  let head: Cursor | undefined;
  let closing: Promise<void> | undefined;

  const commands = createCommands({
    timeoutMs,
    waitMs,
    drop: (cause) => commandConnection.drop(cause),
  });
  const clock = createServerClock();
  const access: RedisLogAccess = {
    commands,
    keys,
    limits: host.history,
    clock,
    onError: host.onError,
  };
  const publisher = createPublisher(access, {
    idempotencyMs,
    epoch: () => follower?.head.epoch ?? "",
    async onStored(newest, epochBefore) {
      follower?.noteSeen(newest);
      // The messages are stored, so a failure here must not reject their publishes.
      if (newest.epoch !== epochBefore) await reportRestart(newest, epochBefore).catch(() => {});
    },
  });
  const commandConnection = createReconnector({
    connector,
    connectTimeoutMs: timeoutMs,
    onMessage() {},
    async onUp(connection) {
      // Before any other command: this may be a different server, with an older log.
      const newestSeen = follower?.newestSeen ?? head;
      const args = headArguments(keys, { newestSeen, checksServer: true });
      head = decodeHead(await commands.runOn(connection, READ_HEAD, headKeys(keys), args), clock);
      commands.useConnection(connection);
      reportStatus();
    },
    onDown(cause) {
      commands.lose(cause);
      reportStatus(cause);
    },
  });
  const pubSubConnection = createReconnector({
    connector,
    connectTimeoutMs: timeoutMs,
    onMessage: (channel, text) => follower?.receive(channel, text),
    async onUp(connection) {
      follower?.useConnection(connection);
    },
    onDown(cause) {
      follower?.useConnection(undefined);
      reportStatus(cause);
    },
  });

  function reportStatus(cause?: Error): void {
    if (!follower || closing) return;
    const next = commands.isReady && follower.isLive ? "up" : "down";
    // Until the session is open, the rejection of open() reports failures.
    if (next === status || (status === undefined && next === "down")) return;
    status = next;
    if (next === "down") {
      host.onError(unavailableError(cause ?? new Error("The connection is lost")));
    }
    host.onStatus(next);
  }

  /** Resolves with the follower when it is live. */
  async function connect(): Promise<RedisLogFollower> {
    await commandConnection.open();
    return new Promise((resolve, reject) => {
      const created = createLogFollower({
        access,
        host,
        start: head as Cursor,
        markMs,
        timeoutMs,
        waitMs,
        drop: (cause) => pubSubConnection.drop(cause),
        onChange() {
          if (created.isLive) resolve(created);
          reportStatus();
        },
      });
      follower = created;
      pubSubConnection.open().catch(reject);
    });
  }

  async function shutDown(): Promise<void> {
    clearInterval(retentionTimer);
    follower?.close(closedError());
    pubSubConnection.close();
    const published = publisher.close(closedError());
    commands.close();
    // Sent commands get their responses, unless the server is unreachable.
    await withTimeout(commands.idle(), CLOSE_MS, () =>
      timeoutError("the last answers", CLOSE_MS),
    ).catch(() => {});
    commandConnection.close();
    commands.lose(closedError());
    await published;
  }

  async function close(): Promise<void> {
    closing ??= shutDown();
    return closing;
  }

  let live: RedisLogFollower;
  try {
    live = await withTimeout(connect(), 2 * timeoutMs, () =>
      timeoutError("the first marker", 2 * timeoutMs),
    );
  } catch (error) {
    await close();
    throw isSseBusError(error) ? error : unavailableError(error);
  }
  const applyRetention = createRetention(access);
  retentionTimer = startInterval(() => {
    // An outage is already reported; the next interval checks again.
    if (commands.isReady) applyRetention().catch(() => {});
  }, markMs);
  return { commands, follower: live, access, publish: publisher.publish, close };
}
