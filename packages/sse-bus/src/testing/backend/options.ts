import type { Backend } from "../../core/backend.ts";

/** What {@link testBackend} needs; `Log` is whatever stands for one log in your tests. */
export interface BackendTestOptions<Log> {
  /** Registers a test: `test` of vitest or node:test, `it` of Jest or Mocha. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;

  /**
   * A new, empty log: a key prefix, schema or stream of its own on a shared server, or a server.
   * Called once a test; tests run one after the other.
   */
  readonly createLog: () => Log | Promise<Log>;

  /**
   * An instance of the backend on that log, not opened, as each process has one. What it takes from
   * you (a client, a pool) has to end with its `close`, or the leak check sees it.
   */
  readonly connect: (log: Log) => Backend | Promise<Backend>;

  /** Removes what `createLog` made. Every backend is closed by then. */
  readonly deleteLog?: (log: Log) => unknown;

  /**
   * Stops the server and starts it again with its data. Resolve when it has stopped, and when it
   * accepts. Left out, the tests of an outage are not registered: do so only where no server is.
   */
  readonly outage?: {
    readonly stop: (log: Log) => Promise<void>;
    readonly start: (log: Log) => Promise<void>;
  };

  /**
   * Cuts one instance's network and mends it (a TCP proxy between does it); others do not notice.
   * Left out, the tests of recovery are not registered.
   */
  readonly partition?: {
    readonly cut: (log: Log, backend: Backend) => Promise<void>;
    readonly mend: (log: Log, backend: Backend) => Promise<void>;
  };

  /**
   * Makes the server forget everything, as a flush or a failover to an empty replica does. Left
   * out, the tests of data loss are not registered.
   */
  readonly loseData?: (log: Log) => Promise<void>;

  /**
   * Deletes all messages of a channel as an operator does by hand (`DELETE`, `XTRIM`, a purge), past
   * the backend. Left out, the test of it is not registered: do so only where nobody can.
   */
  readonly deleteMessages?: (log: Log, channel: string) => Promise<void>;

  /** How long anything may take, in ms. @default 10_000 */
  readonly timeoutMs?: number;

  /** Repeats the random choices of a failed run, which prints its seed. @default random */
  readonly seed?: number;
}
