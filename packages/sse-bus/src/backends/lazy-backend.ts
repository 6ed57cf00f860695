import type { Backend } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import { readPage } from "../core/read-page.ts";
import type { Cursor } from "../core/position.ts";
import {
  isTransactional,
  storeMany,
  storeManyIn,
  type TransactionalBackend,
} from "../core/store-many.ts";

/** A backend, and the client created for it. */
export interface OpenedClient {
  readonly backend: Backend;
  /** Closes the client, after the backend. */
  readonly close: () => Promise<void>;
}

/** Creates the real backend when the bus opens it, and again if that failed. */
export function createLazyBackend(name: string, make: () => Promise<OpenedClient>): Backend {
  let made: OpenedClient | undefined;
  let last: Cursor | undefined;
  let isClosed = false;

  function inner(): Backend {
    if (made) return made.backend;
    throw new SseBusError("BACKEND_UNAVAILABLE", `The ${name} backend is not open.`);
  }

  function transactional(): TransactionalBackend {
    const backend = inner();
    if (isTransactional(backend)) return backend;
    throw new SseBusError("TX_UNSUPPORTED", `The ${name} backend has no transactions.`);
  }

  async function close(): Promise<void> {
    const closing = made;
    last = closing?.backend.head() ?? last;
    made = undefined;
    await closing?.backend.close();
    await closing?.close();
  }

  return {
    name,
    async open(host) {
      made = await make();
      try {
        await made.backend.open(host);
      } catch (error) {
        await close();
        throw error;
      }
      // close() was called during open().
      if (isClosed) await close();
    },
    publish: async (message) => inner().publish(message),
    publishMany: async (messages) => storeMany(inner(), messages),
    ...(name === "postgres" && {
      publishIn: async (tx, message) => transactional().publishIn(tx, message),
      publishManyIn: async (tx, messages) => storeManyIn(transactional(), tx, messages),
    }),
    subscribe: async (topic, feed) => inner().subscribe(topic, feed),
    read: async (topic) => inner().read(topic),
    // The others read a page at the cost of the whole.
    ...(name === "redis" && {
      readAfter: async (channel, after, maxBytes) => readPage(inner(), channel, after, maxBytes),
    }),
    readHead: async () => inner().readHead(),
    now: () => made?.backend.now?.() ?? Date.now(),
    // A flush that runs during close() still reads it.
    head: () => (made || !last ? inner().head() : last),
    async close() {
      isClosed = true;
      await close();
    },
  };
}
