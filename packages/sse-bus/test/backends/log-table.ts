import type { Backend, NewMessage, Stored } from "../../src/core/backend.ts";
import type { HistoryLimits } from "../../src/core/history.ts";
import { memoryBackend } from "../../src/core/memory-backend.ts";
import { type LogMessage, type MessageContent, messageJson } from "../../src/core/message.ts";
import { topicCovers } from "../../src/core/channel-name.ts";
import type { Cursor, Position } from "../../src/core/position.ts";

/** A row of the log: a message and its position. */
export interface Row extends MessageContent, Position {}

/** The kept messages of a topic, and its newest dropped `seq`. */
export interface Kept {
  readonly epoch: string;
  readonly rows: readonly Row[];
  readonly horizon: number;
}

/** What is new in the log. */
export interface News {
  readonly head: Cursor;
  readonly rows: readonly Row[];
  readonly horizons: ReadonlyMap<string, number>;
}

/** The example backend's queries to its server: three, each atomic. */
export interface LogTable {
  /**
   * Stores the entry under the next `seq` and drops messages of its channel beyond the limits;
   * or returns the position of the first entry with its id.
   */
  append(entry: NewMessage, limits: HistoryLimits): Promise<Stored>;
  /** The rows after `seq`, the head, and each topic's newest dropped `seq`, in one snapshot. */
  after(seq: number, topics: readonly string[]): Promise<News>;
  kept(topic: string): Promise<Kept>;
}

/** A server with such a table and a network to it, both of which can fail. */
export interface LogServer {
  /** A connection with a network's delay, which may find the server unreachable. */
  connect(): LogTable;
  isDown: boolean;
  readonly cut: Set<LogTable>;
  /** Deletes everything, including the epoch. */
  loseData(): void;
  /** Deletes a channel's messages by hand. */
  deleteMessages(channel: string): Promise<void>;
}

/** The smallest number of messages that the table keeps, so that a poll finds new ones. */
const MIN_KEPT = 100;
const NO_LIMITS: HistoryLimits = {
  maxMessages: Number.POSITIVE_INFINITY,
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};

export function createLogServer(): LogServer {
  const limits = new Map<string, HistoryLimits>();
  /** The `seq` up to which channels were emptied by hand. */
  const emptied = new Map<string, number>();
  const isThere = ({ channel, seq }: LogMessage): boolean => seq > (emptied.get(channel) ?? 0);
  const horizonOf = (topic: string, dropped: number): number =>
    [...emptied]
      .filter(([channel]) => topicCovers(topic, channel))
      .reduce((newest, [, seq]) => Math.max(newest, seq), dropped);
  /** Everything in the log, in order: no pattern covers reserved channels. */
  const readAll = async (log: Backend): Promise<LogMessage[]> => {
    const own = [...limits.keys()].filter((channel) => channel.startsWith("~"));
    const all = await Promise.all(["**", ...own].map(async (topic) => log.read(topic)));
    return all.flatMap(({ messages }) => messages).toSorted((a, b) => a.seq - b.seq);
  };
  const reset = (): void => {
    emptied.clear();
    const log = memoryBackend();
    logs = openLog(log, (channel) => limits.get(channel) ?? NO_LIMITS);
  };
  let logs: Promise<Backend>;
  reset();

  const server: LogServer = {
    isDown: false,
    cut: new Set(),
    loseData: reset,
    deleteMessages: async (channel) => void emptied.set(channel, (await logs).head().seq),
    connect() {
      const assertReachable = (): void => {
        if (server.isDown || server.cut.has(table)) throw new Error("ECONNRESET");
      };
      const ask = async <T>(query: (log: Backend) => Promise<T>): Promise<T> => {
        await travel();
        assertReachable();
        const answer = await query(await logs);
        await travel();
        // The server has executed it, and the response is lost: the worst outage.
        assertReachable();
        return answer;
      };
      const table: LogTable = {
        append: async (entry, allowed) =>
          ask(async (log) => {
            limits.set(entry.channel, {
              ...allowed,
              maxMessages: Math.max(MIN_KEPT, allowed.maxMessages),
            });
            return log.publish(entry);
          }),
        after: async (seq, topics) =>
          ask(async (log) => {
            // Before the read, which may take several turns: the head must not be ahead of the rows.
            const head = log.head();
            const rows = (await readAll(log))
              .filter((one) => one.seq > seq && one.seq <= head.seq && isThere(one))
              .map(toRow);
            const horizons = new Map<string, number>();
            for (const topic of topics) {
              horizons.set(topic, horizonOf(topic, (await log.read(topic)).horizon));
            }
            return { head, rows, horizons };
          }),
        kept: async (topic) =>
          ask(async (log) => {
            const { messages, horizon } = await log.read(topic);
            return {
              epoch: log.head().epoch,
              rows: messages.filter(isThere).map(toRow),
              horizon: horizonOf(topic, horizon),
            };
          }),
      };
      return table;
    },
  };
  return server;
}

async function openLog(
  log: Backend,
  history: (channel: string) => HistoryLimits,
): Promise<Backend> {
  await log.open({
    history,
    maxHistoryBytes: Number.POSITIVE_INFINITY,
    onError() {},
    onStatus() {},
    onRestart() {},
  });
  return log;
}

/** Long enough for other requests in between, as on every network. */
async function travel(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function toRow(message: LogMessage): Row {
  const { seq, time, channel, event, key, raw } = message;
  return { seq, time, channel, event, key, json: messageJson(message), raw };
}
