import type {
  Backend,
  BackendHost,
  Feed,
  History,
  NewMessage,
  Stored,
} from "../../src/core/backend.ts";
import {
  appendMessage,
  type TopicLog,
  createTopicLog,
  dropOldest,
} from "../../src/core/topic-log.ts";
import { isPattern, topicCovers } from "../../src/core/channel-name.ts";
import { SseBusError } from "../../src/core/errors.ts";
import { createHistoryResolver, type HistoryOptions } from "../../src/core/history.ts";
import { createMessage, type LogMessage } from "../../src/core/message.ts";
import type { Cursor } from "../../src/core/position.ts";

/**
 * A log server behind a network: what it sends arrives later, in order on the connection
 * that carries live messages, in any order for responses to requests. Nothing moves before the
 * test says so, so a test can choose the outcome of every race.
 */
export interface LaggingServer {
  readonly epoch: string;
  readonly head: number;
  /** A connection of one process. */
  connect(): LaggingConnection;
  /** Stores a message of another process. */
  publish(entry: Partial<NewMessage>): Stored;
  /** Deletes all data and begins a new epoch; connections detect it in {@link LaggingConnection.notice}. */
  loseData(): void;
  /** Keeps only messages after this position, on every channel. */
  trim(seq: number): void;
}

export interface LaggingConnection {
  readonly backend: Backend;
  readonly isUp: boolean;
  /** The number of open subscriptions. */
  readonly subscriptions: number;
  /** The number of live messages and acknowledgements in flight. */
  readonly inbox: number;
  /** The number of responses in flight. */
  readonly replies: number;
  /** Delivers this many items of the inbox, all by default. */
  deliver(count?: number): void;
  /** Delivers one of the responses, the oldest by default. */
  reply(index?: number): Promise<void>;
  /** Loses the connection and everything in flight. */
  cut(): void;
  /** Reconnects: missed messages are read from history or reported as lost. */
  restore(): void;
  /** Detects that the server lost its data. */
  notice(): void;
  /** If true, the default, everything arrives by itself in the next microtask. */
  isPrompt: boolean;
}

export interface LaggingServerOptions {
  readonly history?: HistoryOptions;
  /** Called with every message when it is stored. */
  readonly onStored?: (epoch: string, message: LogMessage) => void;
}

interface OpenFeed {
  readonly topic: string;
  readonly feed: Feed;
  isOpen: boolean;
}

export function createLaggingServer(options: LaggingServerOptions = {}): LaggingServer {
  const { history, onStored } = options;
  const resolve = createHistoryResolver(history);
  const connections = new Set<{ announce(message: LogMessage): void }>();
  let logs = new Map<string, TopicLog>();
  let seq = 0;
  let epoch = "e1";
  let incarnation = 1;

  const server: LaggingServer = {
    get epoch() {
      return epoch;
    },
    get head() {
      return seq;
    },
    connect,
    publish({ channel = "default", event = "message", key, json = "1" }) {
      seq++;
      const position = { seq, time: Date.now() };
      const record = { channel, event, key, json };
      let log = logs.get(channel);
      if (!log) logs.set(channel, (log = createTopicLog(channel, resolve(channel), 0)));
      const message = createMessage(record, position, epoch);
      appendMessage(log, message, position.time);
      onStored?.(epoch, message);
      for (const connection of connections) {
        // Each process decodes what it received into an object of its own.
        connection.announce(createMessage(record, position, epoch));
      }
      return { ...position, epoch, channel, duplicate: false };
    },
    loseData() {
      epoch = `e${++incarnation}`;
      logs = new Map();
      seq = 0;
    },
    trim(upTo) {
      for (const log of logs.values()) {
        while ((log.messages[log.first]?.seq ?? Number.POSITIVE_INFINITY) <= upTo) dropOldest(log);
      }
    },
  };
  return server;

  function readTopic(topic: string): History {
    const covered = [...logs.values()].filter(({ name }) => topicCovers(topic, name));
    const messages = covered
      .flatMap((log) => log.messages.slice(log.first))
      .filter((entry) => entry !== undefined)
      .map((entry) => ({ ...entry, superseded: false }))
      .toSorted((a, b) => a.seq - b.seq);
    const horizon = Math.max(0, ...covered.map(({ horizon }) => horizon));
    return { messages, horizon: isPattern(topic) ? horizon : (covered[0]?.horizon ?? 0) };
  }

  function connect(): LaggingConnection {
    const feeds = new Set<OpenFeed>();
    const acknowledgements = new Set<{ send(): void; reject(): void }>();
    let inbox: (() => void)[] = [];
    const replies: (() => void)[] = [];
    let host: BackendHost | undefined;
    let own = { seq, time: Date.now(), epoch };
    let isUp = true;

    const link = {
      announce(message: LogMessage) {
        if (!isUp || feeds.size === 0 || own.epoch !== epoch) return;
        const of = epoch;
        inbox.push(() => {
          own = { seq: message.seq, time: message.time, epoch: of };
          for (const each of feeds) {
            if (each.isOpen && topicCovers(each.topic, message.channel)) each.feed.message(message);
          }
        });
        if (connection.isPrompt) queueMicrotask(() => connection.deliver());
      },
    };

    /** Responds later with the current state. */
    async function answer<T>(value: () => T): Promise<T> {
      if (!isUp) throw unavailable();
      const result = value();
      const of = epoch;
      // The first data of a new log reports the restart.
      const heed = (): void => void (of !== own.epoch && of === epoch && connection.notice());
      if (connection.isPrompt) {
        heed();
        return result;
      }
      return new Promise((resolve, reject) => {
        replies.push(() => {
          if (isUp) heed();
          if (isUp) resolve(result);
          else reject(unavailable());
        });
      });
    }

    const connection: LaggingConnection = {
      isPrompt: true,
      get isUp() {
        return isUp;
      },
      get subscriptions() {
        return feeds.size;
      },
      get inbox() {
        return inbox.length;
      },
      get replies() {
        return replies.length;
      },
      deliver(count = Number.POSITIVE_INFINITY) {
        for (let n = 0; n < count && inbox.length > 0; n++) (inbox.shift() as () => void)();
      },
      async reply(index = 0) {
        replies.splice(index, 1)[0]?.();
        for (let n = 0; n < 20; n++) await Promise.resolve();
      },
      cut() {
        if (!isUp) return;
        isUp = false;
        inbox = [];
        host?.onStatus("down");
        for (const { reject } of acknowledgements) reject();
        acknowledgements.clear();
        while (replies.length > 0) (replies.shift() as () => void)();
      },
      restore() {
        if (isUp) return;
        isUp = true;
        if (own.epoch !== epoch) {
          connection.notice();
        } else {
          const missed = [...feeds].map((each) => ({ each, history: readTopic(each.topic) }));
          const losses = new Map<OpenFeed, number>();
          for (const { each, history } of missed) {
            if (history.horizon <= own.seq) continue;
            losses.set(each, history.horizon);
            each.feed.lost(history.horizon);
          }
          const due = missed
            .flatMap(({ each, history }) => history.messages.map((message) => ({ each, message })))
            .filter(({ message }) => message.seq > own.seq)
            .filter(({ each, message }) => message.seq > (losses.get(each) ?? 0))
            .toSorted((a, b) => a.message.seq - b.message.seq);
          for (const { each, message } of due) each.feed.message(message);
          own = { seq, time: Date.now(), epoch };
        }
        host?.onStatus("up");
      },
      notice() {
        if (own.epoch === epoch) return;
        inbox = [];
        own = { seq, time: Date.now(), epoch };
        host?.onRestart();
        for (const { send } of acknowledgements) send();
      },
      backend: {
        name: "lagging",
        async open(given) {
          host = given;
          connections.add(link);
          own = { seq, time: Date.now(), epoch };
          await answer(() => {});
        },
        publish: async (entry) => answer(() => server.publish(entry)),
        publishMany: async (entries) => answer(() => entries.map((entry) => server.publish(entry))),
        async subscribe(topic, feed) {
          if (!isUp) throw unavailable();
          const open: OpenFeed = { topic, feed, isOpen: true };
          const close = (): void => {
            open.isOpen = false;
            feeds.delete(open);
          };
          feeds.add(open);
          return new Promise((resolve, reject) => {
            const acknowledgement = {
              // In message order: everything up to the cursor has been delivered by then.
              send() {
                const cursor: Cursor = { seq, time: Date.now(), epoch };
                inbox.push(() => {
                  if (cursor.epoch !== own.epoch) {
                    // For a new log, its messages are read, and this is requested again.
                    connection.notice();
                    return;
                  }
                  acknowledgements.delete(acknowledgement);
                  if (cursor.seq > own.seq) own = cursor;
                  resolve({ cursor, close });
                });
                if (connection.isPrompt) queueMicrotask(() => connection.deliver());
              },
              reject() {
                close();
                reject(unavailable());
              },
            };
            acknowledgements.add(acknowledgement);
            acknowledgement.send();
          });
        },
        read: async (topic) => answer(() => readTopic(topic)),
        readHead: async () => answer(() => ({ seq, time: Date.now(), epoch })),
        head: () => own,
        async close() {
          connections.delete(link);
          isUp = false;
          inbox = [];
          for (const { reject } of acknowledgements) reject();
          acknowledgements.clear();
          feeds.clear();
          while (replies.length > 0) (replies.shift() as () => void)();
        },
      },
    };
    return connection;
  }
}

function unavailable(): SseBusError {
  return new SseBusError("BACKEND_UNAVAILABLE", "The test has cut the connection.");
}
