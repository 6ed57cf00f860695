import type { Backend } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import type { Cursor } from "../core/position.ts";

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
    publish: async (entry) => inner().publish(entry),
    ...(name === "postgres" && {
      async publishIn(tx, entry) {
        const { publishIn } = inner();
        if (publishIn) return publishIn(tx, entry);
        throw new SseBusError("TX_UNSUPPORTED", `The ${name} backend has no transactions.`);
      },
    }),
    subscribe: async (topic, feed) => inner().subscribe(topic, feed),
    read: async (topic) => inner().read(topic),
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
