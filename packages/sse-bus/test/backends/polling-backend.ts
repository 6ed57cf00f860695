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
  let reached: Cursor;
  let status: "up" | "down" | "closed" = "up";
  let timer: ReturnType<typeof setTimeout>;
  let polling: Promise<void> | undefined;

  const ask = async <T>(query: () => Promise<T>): Promise<T> => {
    if (status === "closed") throw new SseBusError("BUS_CLOSED", "The backend is closed.");
    return query().catch((cause: unknown) => {
      throw new SseBusError("BACKEND_UNAVAILABLE", "The table cannot be reached.", { cause });
    });
  };

  const poll = async (): Promise<void> => {
    const { head, rows } = await table.after(reached.seq);
    if (head.epoch === reached.epoch) {
      // Positions are dense here: when rows are missing, some feed may have lost them.
      const isShort = rows.length < head.seq - reached.seq;
      for (const [feed, topic] of isShort ? feeds : []) {
        const { horizon } = await table.kept(topic);
        if (horizon > reached.seq) feed.lost(horizon);
      }
      for (const row of status === "closed" ? [] : rows) {
        reached = { seq: row.seq, time: row.time, epoch: head.epoch };
        const message = createMessage(row, row, head.epoch);
        for (const [feed, topic] of feeds)
          if (topicCovers(topic, row.channel)) feed.message(message);
      }
    }
    const isNew = head.epoch !== reached.epoch;
    reached = head;
    if (isNew) host.onRestart();
  };

  const loop = async (): Promise<void> => {
    const next = await poll().then(
      () => "up" as const,
      () => "down" as const,
    );
    if (status === "closed") return;
    if (status !== next) host.onStatus((status = next));
    timer = setTimeout(() => void (polling = loop()), pollMs);
  };

  return {
    name: "polling",
    async open(given) {
      host = given;
      reached = (await ask(async () => table.after(Number.MAX_SAFE_INTEGER))).head;
      polling = loop();
    },
    publish: async (entry) => ask(async () => table.append(entry, host.history(entry.channel))),
    async subscribe(topic, feed) {
      return ask(async () => {
        feeds.set(feed, topic);
        return { cursor: reached, close: () => void feeds.delete(feed) };
      });
    },
    async read(topic) {
      const { epoch, rows, horizon } = await ask(async () => table.kept(topic));
      return { messages: rows.map((row) => createMessage(row, row, epoch)), horizon };
    },
    cursor: async () => (await ask(async () => table.after(Number.MAX_SAFE_INTEGER))).head,
    reached: () => reached,
    async close() {
      status = "closed";
      clearTimeout(timer);
      await polling;
      feeds.clear();
    },
  };
}
