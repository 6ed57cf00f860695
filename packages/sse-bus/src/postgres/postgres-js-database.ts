import { type PostgresDatabase, toRows, answerWithin } from "./database.ts";

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

export function postgresJsDatabase(sql: PostgresJs, timeoutMs: number): PostgresDatabase {
  // A prepared statement takes one round trip instead of two, but some poolers do not support it.
  const prepare = sql.options.prepare !== false;

  return {
    async query(text, values) {
      const query = sql.unsafe(text, [...values], { prepare });
      return toRows(await answerWithin(query, timeoutMs, "a statement"));
    },
    async script(text) {
      await answerWithin(sql.unsafe(text), timeoutMs, "a statement");
    },
    async listen(channel, events) {
      let isOpen = true;
      // Postgres.js reconnects by itself. A second call of `onlisten` means that it has reconnected.
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
        await answerWithin(listening, timeoutMs, "LISTEN");
      } catch (error) {
        close().catch(ignore);
        throw error;
      }
      // While the server is unreachable, the answer never arrives; closing does not depend on it.
      return { close: () => answerWithin(close(), CLOSE_MS, "UNLISTEN").catch(ignore) };
    },
  };
}

function ignore(): void {}
