import {
  type Backend,
  type BackendHost,
  createMessage,
  type Cursor,
  type Feed,
  SseBusError,
  topicCovers,
} from "../../src/index.ts";
import type { LogTable } from "./log-table.ts";

export function pollingBackend(table: LogTable, pollMs = 10): Backend {
  const feeds = new Map<Feed, string>();
  let host: BackendHost;
  let reached: Cursor = { seq: 0, time: 0, epoch: "" };
  let status: "up" | "down" | "closed" = "up";
  let polling: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask<T extends { readonly epoch: string }>(query: () => Promise<T>): Promise<T> {
    if (status === "closed") throw new SseBusError("BUS_CLOSED", "The backend is closed.");
    try {
      const answer = await query();
      // Nothing of a new log is delivered before the host knows of the restart.
      if (answer.epoch !== reached.epoch && polling) await poll();
      return answer;
    } catch (cause) {
      throw new SseBusError("BACKEND_UNAVAILABLE", "The table cannot be reached.", { cause });
    }
  }
  async function poll(): Promise<void> {
    const { seq, epoch } = reached;
    const { head, rows, horizons } = await table.after(seq, [...feeds.values()]);
    // Another poll was faster.
    if (status === "closed" || reached.seq !== seq || reached.epoch !== epoch) return;
    const isNew = head.epoch !== reached.epoch;
    for (const [feed, topic] of isNew ? [] : feeds) {
      const horizon = horizons.get(topic) ?? 0;
      if (horizon > reached.seq) feed.lost(horizon);
    }
    for (const row of isNew ? [] : rows) {
      reached = { seq: row.seq, time: row.time, epoch: head.epoch };
      const message = createMessage(row, row, head.epoch);
      for (const [feed, topic] of feeds) if (topicCovers(topic, row.channel)) feed.message(message);
    }
    reached = head;
    if (isNew) host.onRestart();
  }
  async function loop(): Promise<void> {
    const next = await poll().then(
      () => "up" as const,
      () => "down" as const,
    );
    if (status === "closed") return;
    if (status !== next) host.onStatus((status = next));
    timer = setTimeout(() => void (polling = loop()), pollMs);
  }
  const readHead = async (): Promise<Cursor> => (await table.after(Infinity, [])).head;
  return {
    name: "polling",
    async open(given) {
      host = given;
      reached = await ask(readHead);
      polling = loop();
    },
    publish: async (entry) => ask(async () => table.append(entry, host.history(entry.channel))),
    async subscribe(topic, feed) {
      feeds.set(feed, topic);
      const cursor = await ask(async () => reached);
      return { cursor, close: () => void feeds.delete(feed) };
    },
    async read(topic) {
      const { epoch, rows, horizon } = await ask(async () => table.kept(topic));
      return { messages: rows.map((row) => createMessage(row, row, epoch)), horizon };
    },
    readHead: async () => ask(readHead),
    head: () => reached,
    async close() {
      status = "closed";
      clearTimeout(timer);
      await polling;
      feeds.clear();
    },
  };
}
