import { createPresence, createSseClient } from "../../packages/sse-bus/src/client/index.ts";

/** A page with the client of the package, which reconnects by itself. It is a member, too. */
export interface ClientPage {
  readonly user: string;
  /** The members that it shows; `undefined` while it is not connected. */
  ids(): string | undefined;
  close(): void;
}

export interface ClientPageOptions {
  readonly channel: string;
  readonly user: string;
  /** The instance for the next stream. */
  readonly pick: () => string;
}

export function openClientPage({ channel, user, pick }: ClientPageOptions): ClientPage {
  const client = createSseClient({
    url: `http://instances.test/sse?user=${user}`,
    async fetch(input, init) {
      const { pathname, search } = new URL(input instanceof Request ? input.url : input);
      return fetch(pick() + pathname + search, init);
    },
    shareTabs: false,
    backoff: { baseMs: 20, maxMs: 200 },
  });
  const room = createPresence(client, channel);
  const stop = room.subscribe(() => {});
  return {
    user,
    ids() {
      const { status, members } = room.getView();
      if (status !== "open") return undefined;
      return members
        .map(({ id }) => id)
        .toSorted()
        .join();
    },
    close() {
      stop();
      client.close();
    },
  };
}
