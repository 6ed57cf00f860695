import { SseBusError } from "../core/errors.ts";
import { createBackoff } from "../backend-shared/backoff.ts";
import type { PostgresDatabase, Listening } from "./database.ts";
import type { LogFunctions } from "./log-functions.ts";
import { startTimeout } from "../core/timers.ts";

/** Listens for notifications (LISTEN). They only reduce latency: without them, the log is polled. */
export interface PostgresNotifications {
  /** Resolves after the first attempt, also if it failed. */
  start(): Promise<void>;
  /** Notifications arrive. */
  isListening(): boolean;
  /** A notification did not arrive: checks whether any do. */
  verify(): void;
  close(): Promise<void>;
}

export interface PostgresNotificationsOptions {
  readonly database: PostgresDatabase;
  readonly log: LogFunctions;
  readonly schema: string;
  /** Identifies the commits of this process. */
  readonly origin: string;
  readonly onCommit: (by: "own" | "other" | "unknown") => void;
  readonly onLog: (seq: number) => void;
  /** `database` is not the one that the log is read from, so only this object can report its outages. */
  readonly hasOwnDatabase: boolean;
  /** Notifications may have been missed. */
  readonly onMayHaveMissed: () => void;
  readonly onError: (error: Error) => void;
}

/** How long a notification may take, in ms. */
const ECHO_MS = 2000;
/** How often to try again when notifications do not arrive on an open connection, in ms. */
const RETRY_SILENT_MS = 60_000;

export function createNotifications(options: PostgresNotificationsOptions): PostgresNotifications {
  const {
    database,
    log,
    schema,
    origin,
    hasOwnDatabase,
    onCommit,
    onLog,
    onMayHaveMissed,
    onError,
  } = options;
  const backoff = createBackoff({ minMs: 50, maxMs: 2000 });
  let listening: Listening | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let echo: ReturnType<typeof setTimeout> | undefined;
  let connecting: Promise<void> | undefined;
  let isArriving = false;
  let isReported = false;
  let isClosed = false;

  function notified(payload: string): void {
    const [kind, detail = ""] = payload.split(" ");
    if (kind === "log") onLog(Number(detail));
    else if (kind === "echo" && detail === origin) echoArrived();
    else if (kind === "commit") {
      onCommit(detail === origin ? "own" : detail === "" ? "unknown" : "other");
    }
  }

  function echoArrived(): void {
    clearTimeout(echo);
    echo = undefined;
    backoff.reset();
    isArriving = true;
    isReported = false;
  }

  async function connect(): Promise<void> {
    try {
      const events = { notified, lost, resumed };
      const started = await database.listen(schema, events);
      if (isClosed) return await started.close();
      listening = started;
      onMayHaveMissed();
      verify();
    } catch (error) {
      if (hasOwnDatabase) report(unreachableError(error));
      retry(backoff.nextMs());
    }
  }

  function start(): Promise<void> {
    connecting ??= connect().finally(() => (connecting = undefined));
    return connecting;
  }

  function retry(ms: number): void {
    if (isClosed) return;
    clearTimeout(timer);
    timer = startTimeout(() => void start(), ms);
  }

  /** Reports once, until notifications arrive again. */
  function report(error: Error): void {
    if (!isReported && !isClosed) onError(error);
    isReported = true;
  }

  function lost(): void {
    isArriving = false;
    clearTimeout(echo);
    echo = undefined;
    listening = undefined;
    onMayHaveMissed();
    retry(backoff.nextMs());
  }

  function resumed(): void {
    onMayHaveMissed();
    verify();
  }

  /** Sends itself a notification, and checks that it arrives. */
  function verify(): void {
    if (isClosed || !listening || echo) return;
    echo = startTimeout(() => void echoMissed(), ECHO_MS);
    log.call("SELECT pg_notify($1::text, $2::text)::text", [schema, `echo ${origin}`]).catch(() => {
      // It was not sent, so its absence says nothing.
      clearTimeout(echo);
      echo = undefined;
    });
  }

  async function echoMissed(): Promise<void> {
    echo = undefined;
    isArriving = false;
    report(silentError());
    const was = listening;
    listening = undefined;
    retry(RETRY_SILENT_MS);
    await was?.close();
  }

  return {
    start,
    isListening: () => isArriving,
    verify,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(echo);
      await connecting;
      await listening?.close();
      listening = undefined;
    },
  };
}

function silentError(): SseBusError {
  return new SseBusError(
    "LISTEN_UNAVAILABLE",
    "Notifications of Postgres do not arrive, so the log is polled instead. A pooler in transaction mode swallows them: give `listen` a pool that connects to Postgres itself, or set it to false.",
  );
}

function unreachableError(cause: unknown): SseBusError {
  return new SseBusError(
    "LISTEN_UNAVAILABLE",
    `The pool given as \`listen\` cannot LISTEN, so the log is polled instead: ${(cause as Error).message}`,
    { cause },
  );
}
