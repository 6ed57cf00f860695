import { type Database, toRows, within } from "./database.ts";

/** What is used of the `sql` of `postgres` (Postgres.js). */
export interface PostgresJs {
  unsafe(
    text: string,
    // oxlint-disable-next-line typescript/no-explicit-any -- Postgres.js asks for its own types
    values?: any[],
    options?: { readonly prepare?: boolean },
  ): PromiseLike<readonly object[]>;
  listen(
    channel: string,
    onnotify: (payload: string) => void,
    onlisten?: () => void,
  ): Promise<{ unlisten(): Promise<void> }>;
  readonly options: { readonly prepare?: boolean };
}

const CLOSE_MS = 1000;

export function postgresJsDatabase(sql: PostgresJs, timeoutMs: number): Database {
  // Prepared, a statement costs one round trip, else two; behind some poolers it must not be.
  const prepare = sql.options.prepare !== false;

  return {
    async query(text, values) {
      const query = sql.unsafe(text, [...values], { prepare });
      return toRows(await within(query, timeoutMs, "a statement"));
    },
    async script(text) {
      await within(sql.unsafe(text), timeoutMs, "a statement");
    },
    async listen(channel, events) {
      let isOpen = true;
      // Postgres.js comes back by itself: that it calls `onlisten` again means that it was away.
      let times = 0;
      const listening = sql.listen(
        channel,
        (payload) => {
          if (isOpen) events.notified(payload);
        },
        () => {
          if (isOpen && times++ > 0) events.resumed();
        },
      );
      const close = async (): Promise<void> => {
        if (!isOpen) return;
        isOpen = false;
        const { unlisten } = await listening;
        await unlisten();
      };
      try {
        await within(listening, timeoutMs, "LISTEN");
      } catch (error) {
        close().catch(ignore);
        throw error;
      }
      // Without its server the answer never comes, and nothing is lost by not waiting for it.
      return { close: () => within(close(), CLOSE_MS, "UNLISTEN").catch(ignore) };
    },
  };
}

function ignore(): void {}
