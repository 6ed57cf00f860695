import { SseBusError } from "../core/errors.ts";
import { createBackoff } from "./backoff.ts";
import type { Database, Listening } from "./database.ts";
import type { Log } from "./log.ts";
import { startTimeout } from "../core/timers.ts";

/** Listens for what the log announces. Nothing depends on it but how soon things are noticed. */
export interface Waker {
  /** Resolves after the first attempt, however it ended. */
  start(): Promise<void>;
  /** Notifications arrive. */
  isListening(): boolean;
  /** One that should have arrived has not. */
  doubt(): void;
  close(): Promise<void>;
}

export interface WakerOptions {
  readonly database: Database;
  readonly log: Log;
  readonly schema: string;
  /** The name by which this process knows its own commits. */
  readonly origin: string;
  readonly onCommit: (by: "own" | "other" | "unknown") => void;
  readonly onLog: (seq: number) => void;
  /** Nobody else notices when it cannot be reached: it is not where the log is read from. */
  readonly isApart: boolean;
  /** Something may have been missed. */
  readonly onGap: () => void;
  readonly onError: (error: Error) => void;
}

/** How long a notification may take, in ms. */
const ECHO_MS = 2000;
/** How often a connection that hears nothing is tried again, in ms. */
const RETRY_DEAF_MS = 60_000;

export function createWaker(options: WakerOptions): Waker {
  const { database, log, schema, origin, isApart, onCommit, onLog, onGap, onError } = options;
  const backoff = createBackoff();
  let listening: Listening | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let echo: ReturnType<typeof setTimeout> | undefined;
  let connecting: Promise<void> | undefined;
  let isHeard = false;
  let isDeaf = false;
  let isClosed = false;

  function notified(payload: string): void {
    const [kind, detail = ""] = payload.split(" ");
    if (kind === "log") onLog(Number(detail));
    else if (kind === "echo" && detail === origin) heard();
    else if (kind === "commit") {
      onCommit(detail === origin ? "own" : detail === "" ? "unknown" : "other");
    }
  }

  function heard(): void {
    clearTimeout(echo);
    echo = undefined;
    backoff.reset();
    isHeard = true;
    isDeaf = false;
  }

  async function connect(): Promise<void> {
    try {
      const events = { notified, lost, resumed };
      const started = await database.listen(schema, events);
      if (isClosed) return await started.close();
      listening = started;
      onGap();
      doubt();
    } catch (error) {
      if (isApart) report(unreachableError(error));
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

  /** Once, until notifications arrive again. */
  function report(error: Error): void {
    if (!isDeaf && !isClosed) onError(error);
    isDeaf = true;
  }

  function lost(): void {
    isHeard = false;
    clearTimeout(echo);
    echo = undefined;
    listening = undefined;
    onGap();
    retry(backoff.nextMs());
  }

  function resumed(): void {
    onGap();
    doubt();
  }

  /** Calls out, and listens whether it comes back. */
  function doubt(): void {
    if (isClosed || !listening || echo) return;
    echo = startTimeout(() => void deaf(), ECHO_MS);
    log.call("SELECT pg_notify($1::text, $2::text)::text", [schema, `echo ${origin}`]).catch(() => {
      // It was not sent, so that it did not come back says nothing.
      clearTimeout(echo);
      echo = undefined;
    });
  }

  async function deaf(): Promise<void> {
    echo = undefined;
    isHeard = false;
    report(deafError());
    const was = listening;
    listening = undefined;
    retry(RETRY_DEAF_MS);
    await was?.close();
  }

  return {
    start,
    isListening: () => isHeard,
    doubt,
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

function deafError(): SseBusError {
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
