import type {
  NatsConnection,
  NatsHeaders,
  NatsMessage,
  NatsSubscribeOptions,
} from "./nats-connection.ts";
import { closedError, unavailable } from "./unavailable.ts";

/**
 * The connection, as one that is up or down and can be lost at any time: whatever is under way then
 * rejects at once. The client itself would let it wait for its timeout, and would keep what is asked
 * of it meanwhile to send it later, when its caller has long been told that it failed.
 */
export interface Link {
  readonly isUp: boolean;
  /** The user's own connection was closed: it will never be up again. */
  readonly isGone: boolean;
  /** Resolves when up; makes the connection where it is ours to make. */
  ready(): Promise<void>;
  request(
    subject: string,
    payload: Uint8Array | string,
    headers?: NatsHeaders,
  ): Promise<NatsMessage>;
  publish(subject: string, payload: string, reply?: string): void;
  /** Gives the function that ends it. */
  subscribe(subject: string, onMessage: (message: NatsMessage) => void): () => void;
  /** `promise`, or a rejection as soon as the link is lost. */
  guard<T>(promise: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly connection: NatsConnection | (() => Promise<NatsConnection>);
  readonly requestTimeoutMs: number;
  onDown(error: Error): void;
  onUp(): void;
}

export function createLink(options: LinkOptions): Link {
  const { connection: source, requestTimeoutMs, onDown, onUp } = options;
  const isOwned = typeof source === "function";
  const underWay = new Set<(error: Error) => void>();
  let connection: NatsConnection | undefined;
  let stopWatching = (): void => {};
  let isUp = false;
  let isClosed = false;
  let waiting: ReturnType<typeof createWait> | undefined;

  function lose(error: Error): void {
    const wasUp = isUp;
    isUp = false;
    for (const reject of underWay) reject(error);
    underWay.clear();
    if (wasUp && !isClosed) onDown(error);
  }

  async function watch(watched: NatsConnection): Promise<void> {
    const statuses = watched.status() as AsyncIterable<{ type: string }> & { stop?: () => void };
    // Leaving the loop only ends the iterator at the next status, which may never come.
    stopWatching = () => statuses.stop?.();
    try {
      for await (const { type } of statuses) {
        if (watched !== connection || isClosed) return;
        if (type === "disconnect") lose(unavailable("The connection to NATS was lost."));
        else if (type === "reconnect") rise();
      }
    } catch {
      // The connection ended with an error; it has ended, which is what counts.
    }
    if (watched !== connection || isClosed) return;
    lose(unavailable("The connection to NATS was closed."));
    if (isOwned) connection = undefined;
    // Whoever waits for it to come back must hear that it will not, or make the next one.
    waiting?.resolve();
  }

  function rise(): void {
    isUp = true;
    waiting?.resolve();
    onUp();
  }

  function usable(): NatsConnection {
    if (isClosed) throw closedError();
    if (connection && isUp) return connection;
    throw unavailable("The connection to NATS is down.");
  }

  async function connect(): Promise<void> {
    if (!isOwned && connection) throw unavailable("The NATS connection given to it was closed.");
    let made: NatsConnection;
    try {
      made = isOwned ? await source() : source;
    } catch (error) {
      throw unavailable("NATS cannot be reached.", error);
    }
    if (isClosed && isOwned) await made.close();
    if (isClosed) throw closedError();
    connection = made;
    if (made.isClosed()) throw unavailable("The NATS connection given to it is closed.");
    isUp = true;
    void watch(made);
  }

  function guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      underWay.add(reject);
      promise.then(resolve, reject).finally(() => underWay.delete(reject));
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
