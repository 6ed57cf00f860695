import type {
  NatsConnection,
  NatsHeaders,
  NatsMessage,
  NatsSubscribeOptions,
} from "./client-types.ts";
import { closedError, unavailableError } from "./errors.ts";

/**
 * The client's connection, with two differences while it is down: requests without an answer reject
 * immediately instead of after their timeout, and new requests reject instead of being queued. A
 * queued request could still be sent after its caller got an error.
 */
export interface NatsServerConnection {
  readonly isUp: boolean;
  /** The user's own connection was closed. It can never be up again. */
  readonly isGone: boolean;
  /** Resolves when the connection is up. Opens it if `connection` is a function. */
  ready(): Promise<void>;
  request(
    subject: string,
    payload: Uint8Array | string,
    headers?: NatsHeaders,
  ): Promise<NatsMessage>;
  publish(subject: string, payload: string, reply?: string): void;
  /** Returns the function that unsubscribes. */
  subscribe(subject: string, onMessage: (message: NatsMessage) => void): () => void;
  /** `promise`, or a rejection as soon as the connection is lost. */
  guard<T>(promise: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface NatsServerConnectionOptions {
  readonly connection: NatsConnection | (() => Promise<NatsConnection>);
  readonly requestTimeoutMs: number;
  onDown(error: Error): void;
  onUp(): void;
}

export function createServerConnection(options: NatsServerConnectionOptions): NatsServerConnection {
  const { connection: source, requestTimeoutMs, onDown, onUp } = options;
  const isOwned = typeof source === "function";
  const outstanding = new Set<(error: Error) => void>();
  let connection: NatsConnection | undefined;
  let stopWatching = (): void => {};
  let isUp = false;
  let isClosed = false;
  let waiting: ReturnType<typeof createWait> | undefined;

  function lose(error: Error): void {
    const wasUp = isUp;
    isUp = false;
    for (const reject of outstanding) reject(error);
    outstanding.clear();
    if (wasUp && !isClosed) onDown(error);
  }

  async function watch(watched: NatsConnection): Promise<void> {
    const statuses = watched.status() as AsyncIterable<{ type: string }> & { stop?: () => void };
    // Leaving the loop only ends the iterator at the next status, which may never come.
    stopWatching = () => statuses.stop?.();
    try {
      for await (const { type } of statuses) {
        if (watched !== connection || isClosed) return;
        if (type === "disconnect") lose(unavailableError("The connection to NATS was lost."));
        else if (type === "reconnect") reconnected();
      }
    } catch {
      // The connection ended with an error: the same as an end without one.
    }
    if (watched !== connection || isClosed) return;
    lose(unavailableError("The connection to NATS was closed."));
    if (isOwned) connection = undefined;
    // Wakes ready(), which throws or opens the next connection.
    waiting?.resolve();
  }

  function reconnected(): void {
    isUp = true;
    waiting?.resolve();
    onUp();
  }

  function usable(): NatsConnection {
    if (isClosed) throw closedError();
    if (connection && isUp) return connection;
    throw unavailableError("The connection to NATS is down.");
  }

  async function connect(): Promise<void> {
    if (!isOwned && connection)
      throw unavailableError("The NATS connection given to it was closed.");
    let made: NatsConnection;
    try {
      made = isOwned ? await source() : source;
    } catch (error) {
      throw unavailableError("NATS cannot be reached.", error);
    }
    if (isClosed && isOwned) await made.close();
    if (isClosed) throw closedError();
    connection = made;
    if (made.isClosed()) throw unavailableError("The NATS connection given to it is closed.");
    isUp = true;
    void watch(made);
  }

  function guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      outstanding.add(reject);
      promise.then(resolve, reject).finally(() => outstanding.delete(reject));
    });
  }

  return {
    get isUp() {
      return isUp;
    },
    get isGone() {
      return !isOwned && connection?.isClosed() === true;
    },
    async ready() {
      while (!isUp) {
        if (isClosed) throw closedError();
        if (!connection || connection.isClosed()) {
          await connect();
        } else {
          waiting ??= createWait();
          await waiting.promise;
          waiting = undefined;
        }
      }
    },
    async request(subject, payload, headers) {
      const used = usable();
      const options = { timeout: requestTimeoutMs, ...(headers && { headers }) };
      return guard(used.request(subject, payload, options));
    },
    publish(subject, payload, reply) {
      usable().publish(subject, payload, reply === undefined ? {} : { reply });
    },
    subscribe(subject, onMessage) {
      const options: NatsSubscribeOptions = {
        callback(error, message) {
          if (!error) onMessage(message);
        },
      };
      const subscription = usable().subscribe(subject, options);
      return () => subscription.unsubscribe();
    },
    guard,
    async close() {
      if (isClosed) return;
      isClosed = true;
      stopWatching();
      waiting?.resolve();
      lose(closedError());
      if (isOwned) await connection?.close();
    },
  };
}

function createWait(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((resolved) => (resolve = resolved));
  return { promise, resolve };
}
