import { expect, test } from "vitest";
import type {
  Backend,
  Feed,
  NewMessage,
  Stored,
  TopicSubscription,
} from "../../src/core/backend.ts";
import { SseBusError } from "../../src/core/errors.ts";
import { createHistoryResolver } from "../../src/core/history.ts";
import type { LogMessage } from "../../src/core/message.ts";
import { readPage } from "../../src/core/read-page.ts";
import { testBackend } from "../../src/testing/test-backend.ts";
import { createLogServer, type LogServer, type LogTable } from "./log-table.ts";
import { pollingBackend } from "./polling-backend.ts";
import { pollingConformance } from "./polling-conformance.ts";

/**
 * A good backend with one added fault: in its server, in its connection, or in itself. The
 * same backend without a fault passes the whole suite (polling-backend.test.ts).
 */
interface Broken {
  /** The tests of the suite that must fail: all of them. */
  readonly noticed: readonly RegExp[];
  readonly server?: (server: LogServer) => LogServer;
  readonly table?: (table: LogTable, server: LogServer) => LogTable;
  readonly backend?: (backend: Backend, table: LogTable) => Backend;
}

const broken: Readonly<Record<string, Broken>> = {
  "resolves a publish before the message is stored": {
    noticed: [/publish: a message is in history/],
    backend: (backend) => {
      let next = 0;
      return {
        ...backend,
        async publish(entry) {
          setTimeout(() => void backend.publish(entry).catch(() => {}), 5);
          const { epoch } = backend.head();
          const { channel } = entry;
          return { seq: ++next, time: Date.now(), epoch, channel, duplicate: false };
        },
      };
    },
  },
  "leaves out a message between two pages of a channel": {
    noticed: [/history: pages of a channel/],
    backend: (backend) => ({
      ...backend,
      async readAfter(channel, after, maxBytes) {
        const { messages, isLast } = await readPage(backend, channel, after, maxBytes);
        return { messages: messages.slice(after === 0 ? 0 : 1), isLast };
      },
    }),
  },
  "ends all equal patterns on its server with one of them": {
    noticed: [/subscribe: topics that cover the same channels/],
    backend: (backend) => {
      const alike = new Map<string, Set<TopicSubscription>>();
      return {
        ...backend,
        async subscribe(topic, feed) {
          const subscription = await backend.subscribe(topic, feed);
          const glob = topic.replaceAll("**", "*");
          const all = alike.get(glob) ?? new Set();
          alike.set(glob, all.add(subscription));
          return {
            cursor: subscription.cursor,
            close: () => all.forEach((each) => each.close()),
          };
        },
      };
    },
  },
  "gives two simultaneous publishes the same position": {
    noticed: [/publish: concurrent publishes/],
    backend: (backend) => {
      let last: { time: number; stored: Stored } | undefined;
      return {
        ...backend,
        async publish(entry) {
          const stored = await backend.publish(entry);
          if (last?.time === stored.time) return { ...stored, seq: last.stored.seq };
          last = { time: stored.time, stored };
          return stored;
        },
      };
    },
  },
  "assigns positions in blocks, one for each instance": {
    noticed: [/publish: positions increase/],
    backend: (backend) => {
      const block = 1000 * ++blocks;
      return {
        ...backend,
        async publish(entry) {
          const stored = await backend.publish(entry);
          return { ...stored, seq: block + stored.seq };
        },
      };
    },
  },
  "stores a batch in another order": {
    noticed: [/batch: messages have positions in the order given/],
    backend: (backend) => ({
      ...backend,
      async publishMany(messages) {
        const reversed = messages.toReversed();
        return Promise.all(reversed.map(backend.publish)).then((stored) => stored.toReversed());
      },
    }),
  },
  "ignores the ids of a batch": {
    noticed: [/batch: an id of the batch or of an earlier publish/],
    backend: (backend) => ({
      ...backend,
      publishMany: async (messages) =>
        Promise.all(messages.map(async (each) => backend.publish({ ...each, id: undefined }))),
    }),
  },
  "rejects a batch of which it has stored a part": {
    noticed: [/batch: if its instance is cut off/],
    backend: (backend) => {
      let batches = 0;
      return {
        ...backend,
        async publishMany(messages) {
          const [first, ...others] = messages;
          const stored = await backend.publish(first as NewMessage);
          if (batches++ === 0) throw new SseBusError("BACKEND_UNAVAILABLE", "The server is down.");
          return [stored, ...(await Promise.all(others.map(backend.publish)))];
        },
      };
    },
  },
  "ignores case in channel names": {
    noticed: [/publish: channels with similar names/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) =>
        table.append({ ...entry, channel: entry.channel.toLowerCase() }, limits),
      kept: async (topic) => table.kept(topic.toLowerCase()),
    }),
  },
  "stores data in a character set that lacks characters": {
    noticed: [/publish: channel, event, key and data arrive/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) =>
        table.append({ ...entry, json: Buffer.from(entry.json, "latin1").toString() }, limits),
    }),
  },
  "forgets that data is raw": {
    noticed: [/publish: raw data arrives/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) => table.append({ ...entry, raw: false }, limits),
    }),
  },
  "forgets the key of a message": {
    noticed: [/publish: channel, event, key and data/, /history: the newest value of a key/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) => table.append({ ...entry, key: undefined }, limits),
    }),
  },
  "reports the last received position as its head, not that of the log": {
    noticed: [/cursor: it is the head/],
    backend: (backend) => ({ ...backend, readHead: async () => backend.head() }),
  },
  "reports the newest remaining message as its head": {
    noticed: [
      /positions: they never repeat or decrease if limits/,
      /positions: they never repeat or decrease if an operator/,
    ],
    table: (table) => ({
      ...table,
      async after(seq, topics) {
        const news = await table.after(seq, topics);
        const { rows } = await table.kept("**");
        const { seq: newest = 0, time = 0 } = rows.at(-1) ?? {};
        return { ...news, head: { ...news.head, seq: newest, time } };
      },
    }),
  },
  "continues after the number of the newest remaining message": {
    noticed: [
      /positions: they never repeat or decrease if limits/,
      /positions: they never repeat or decrease if an operator/,
      /positions: they never repeat or decrease if the server restarts/,
    ],
    backend: (backend, table) => {
      let base = 0;
      return {
        ...backend,
        async publish(entry) {
          const newest = (await table.kept("**")).rows.at(-1)?.seq ?? 0;
          const stored = await backend.publish(entry);
          if (stored.seq > newest + 1) base = Math.max(base, stored.seq - newest - 1);
          return { ...stored, seq: stored.seq - base };
        },
      };
    },
  },
  "ignores idempotency ids": {
    noticed: [/idempotency: an id seen before/, /idempotency: of many concurrent publishes/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) => table.append({ ...entry, id: undefined }, limits),
    }),
  },
  "matches an id of another channel": {
    noticed: [/idempotency: an id belongs to its channel/],
    backend: (backend) => {
      const seen = new Map<string, Stored>();
      return {
        ...backend,
        async publish(entry) {
          const first = seen.get(entry.id ?? "");
          if (first && first.channel !== entry.channel) return { ...first, duplicate: true };
          const stored = await backend.publish(entry);
          if (entry.id !== undefined) seen.set(entry.id, stored);
          return stored;
        },
      };
    },
  },
  "checks an id first and stores the message afterwards": {
    noticed: [/idempotency: of many concurrent publishes/],
    backend: (backend) => {
      const seen = new Map<string, Stored>();
      return {
        ...backend,
        async publish(entry: NewMessage) {
          const first = entry.id === undefined ? undefined : seen.get(entry.id);
          if (first) return { ...first, duplicate: true };
          const stored = await backend.publish({ ...entry, id: undefined });
          if (entry.id !== undefined) seen.set(entry.id, stored);
          return stored;
        },
      };
    },
  },
  "keeps separate ids for each key": {
    noticed: [/idempotency: an id seen before/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) =>
        table.append({ ...entry, id: entry.id && `${entry.key} ${entry.id}` }, limits),
    }),
  },
  "treats equal messages as repeats": {
    noticed: [/idempotency: messages without an id/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) => table.append({ ...entry, id: entry.json }, limits),
    }),
  },
  "loses messages between its cursor and live delivery": {
    noticed: [
      /subscribe: history up to its cursor and live messages after it join/,
      /bus: a live value is exact/,
      /bus: subscribers that start, resume and end/,
      /bus: from a cursor of one instance/,
    ],
    backend: (backend) => ({
      ...backend,
      async subscribe(topic, feed) {
        const { seq } = await backend.readHead();
        const subscription = await backend.subscribe(topic, {
          ...feed,
          message: (message) => {
            if (message.seq > Math.max(seq, subscription?.cursor.seq ?? 0) + 1)
              feed.message(message);
          },
        });
        return subscription;
      },
    }),
  },
  "uses a head that it has not received as a subscription's cursor": {
    noticed: [/subscribe: history up to its cursor and live messages after it join/],
    backend: (backend) => ({
      ...backend,
      async subscribe(topic, feed) {
        const subscription = await backend.subscribe(topic, feed);
        return { ...subscription, cursor: await backend.readHead() };
      },
    }),
  },
  "delivers live what history also has": {
    noticed: [/subscribe: what is published after it resolves/, /join without loss or duplicates/],
    backend: (backend) => ({
      ...backend,
      async subscribe(topic, feed) {
        const subscription = await backend.subscribe(topic, feed);
        const { messages } = await backend.read(topic);
        for (const message of messages.slice(-1)) feed.message(message);
        return subscription;
      },
    }),
  },
  "delivers to each subscription in a different order": {
    noticed: [/subscribe: all subscriptions of an instance receive/],
    backend: (backend) => ({
      ...backend,
      async subscribe(topic, feed) {
        // In order within the topic, and later than other topics.
        const late = topic.length % 2 === 0;
        return backend.subscribe(topic, {
          ...feed,
          message: (message) =>
            late ? void setTimeout(() => feed.message(message), 5) : feed.message(message),
        });
      },
    }),
  },
  "delivers simultaneous messages in the wrong order": {
    noticed: [/subscribe: all subscriptions/, /join without loss or duplicates/],
    table: (table) => ({
      ...table,
      async after(seq, topics) {
        const news = await table.after(seq, topics);
        const [first, second, ...rest] = news.rows;
        return { ...news, rows: first && second ? [second, first, ...rest] : news.rows };
      },
    }),
  },
  "matches any depth with `*`": {
    noticed: [/subscribe: patterns cover exactly their channels/],
    backend: (backend) => ({
      ...backend,
      subscribe: async (topic, feed) => backend.subscribe(topic.replace(/\/\*$/, "/**"), feed),
      read: async (topic) => backend.read(topic.replace(/\/\*$/, "/**")),
    }),
  },
  "continues to deliver to a closed subscription": {
    noticed: [/subscribe: closing, also twice, ends one subscription/],
    backend: (backend) => ({
      ...backend,
      subscribe: async (topic, feed) => ({
        ...(await backend.subscribe(topic, feed)),
        close() {},
      }),
    }),
  },
  "ends all subscriptions of a topic with one of them": {
    noticed: [/subscribe: two feeds of one topic/],
    backend: (backend) => {
      const open = new Map<string, (() => void)[]>();
      return {
        ...backend,
        async subscribe(topic, feed) {
          const subscription = await backend.subscribe(topic, feed);
          const all = open.get(topic) ?? [];
          open.set(topic, [...all, () => subscription.close()]);
          return { ...subscription, close: () => open.get(topic)?.forEach((close) => close()) };
        },
      };
    },
  },
  "ends a subscription late, and with it the topic's next one": {
    noticed: [/subscribe: topics that are closed and immediately subscribed again/],
    backend: (backend) => {
      const open = new Map<string, Set<() => void>>();
      return {
        ...backend,
        async subscribe(topic, feed) {
          const subscription = await backend.subscribe(topic, feed);
          const all = open.get(topic) ?? new Set();
          open.set(topic, all.add(subscription.close));
          const endAll = (): void => all.forEach((end) => end());
          return { ...subscription, close: () => void setTimeout(endAll, 1) };
        },
      };
    },
  },
  "delivers only what it keeps": {
    noticed: [/history: a channel that keeps nothing is delivered live/],
    table: (table) => ({
      ...table,
      append: async (entry, limits) =>
        table.append({ ...entry, channel: limits.maxMessages ? entry.channel : "void" }, limits),
    }),
  },
  "reads history from a replica that lags behind": {
    noticed: [/publish: a message is in history/, /read: it returns everything/],
    table: (table) => {
      let last: ReturnType<LogTable["kept"]> | undefined;
      return {
        ...table,
        async kept(topic) {
          const answer = await table.kept(topic);
          last = Promise.resolve({ ...answer, rows: answer.rows.slice(0, -1) });
          return last;
        },
      };
    },
  },
  "skips a message in a read": {
    noticed: [/read: it returns everything/, /join without loss or duplicates/],
    table: (table) => ({
      ...table,
      async kept(topic) {
        const answer = await table.kept(topic);
        return { ...answer, rows: answer.rows.filter((_, index) => index !== 2) };
      },
    }),
  },
  "keeps fewer messages than it must": {
    noticed: [/history: a channel keeps its newest `maxMessages`/],
    table: (table) => ({
      ...table,
      async kept(topic) {
        const answer = await table.kept(topic);
        const rows = answer.rows.slice(-15);
        const dropped = answer.rows.at(-16)?.seq ?? 0;
        return { ...answer, rows, horizon: Math.max(answer.horizon, dropped) };
      },
    }),
  },
  "never drops anything": {
    noticed: [
      /history: a channel keeps its newest `maxMessages`/,
      /history: a channel keeps no more than `maxBytes`/,
      /history: messages older than `maxAgeMs` are dropped/,
    ],
    backend: (backend) => ({
      ...backend,
      open: async (host) =>
        backend.open({
          ...host,
          history: createHistoryResolver({
            maxMessages: Number.POSITIVE_INFINITY,
            maxBytes: Number.POSITIVE_INFINITY,
            maxAgeMs: Number.POSITIVE_INFINITY,
          }),
        }),
    }),
  },
  "has no horizon": {
    noticed: [
      /history: a channel keeps its newest `maxMessages`/,
      /history: messages older than `maxAgeMs` are dropped/,
    ],
    table: (table) => ({
      ...table,
      kept: async (topic) => ({ ...(await table.kept(topic)), horizon: 0 }),
    }),
  },
  "drops more than necessary without a horizon": {
    noticed: [
      /history: a channel keeps its newest `maxMessages`/,
      /bus: a cursor older than history gives a gap/,
    ],
    table: (table) => ({
      ...table,
      async kept(topic) {
        const answer = await table.kept(topic);
        return { ...answer, rows: answer.rows.slice(-9), horizon: 0 };
      },
    }),
  },
  "reports everything that is not kept as dropped": {
    noticed: [/history: a channel keeps its newest `maxMessages`/],
    table: (table) => ({
      ...table,
      async kept(topic) {
        const answer = await table.kept(topic);
        const { head } = await table.after(Number.MAX_SAFE_INTEGER, []);
        return { ...answer, horizon: (answer.rows[0]?.seq ?? head.seq + 1) - 1 };
      },
    }),
  },
  "drops other messages for updates of one key": {
    noticed: [
      /history: the newest value of a key/,
      /history: a message is dropped only if/,
      /bus: a new subscriber from the latest/,
    ],
    table: (table) => ({
      ...table,
      async kept(topic) {
        const answer = await table.kept(topic);
        const rows = answer.rows.slice(-10);
        return { ...answer, rows };
      },
      append: async (entry, limits) =>
        table.append(entry, { ...limits, maxMessages: Number.POSITIVE_INFINITY }),
    }),
  },
  "drops a pattern's messages from before its horizon": {
    noticed: [/bus: from the earliest on, a pattern delivers everything its channels keep/],
    backend: (backend) => ({
      ...backend,
      async read(topic) {
        const { messages, horizon } = await backend.read(topic);
        return { messages: messages.filter(({ seq }) => seq > horizon), horizon };
      },
    }),
  },
  "knows no names of more than 200 characters": {
    noticed: [/reserved: a channel whose name begins with ~/],
    backend: (backend) => ({
      ...backend,
      async publish(entry) {
        const channel = entry.channel.slice(0, 200);
        return { ...(await backend.publish({ ...entry, channel })), channel: entry.channel };
      },
    }),
  },
  "feeds patterns what reserved channels carry": {
    noticed: [/reserved: no pattern covers such a channel/],
    backend: (backend) => ({
      ...backend,
      async subscribe(topic, feed) {
        if (topic === "**") await backend.subscribe("~a", { ...feed });
        return backend.subscribe(topic, feed);
      },
    }),
  },
  "reads with patterns what reserved channels keep": {
    noticed: [/reserved: no pattern covers such a channel/],
    table: (table) => ({
      ...table,
      async kept(topic) {
        const answer = await table.kept(topic);
        if (topic !== "**") return answer;
        const { rows } = await table.kept("~a");
        return { ...answer, rows: [...answer.rows, ...rows].toSorted((a, b) => a.seq - b.seq) };
      },
    }),
  },
  "keeps of every channel what the common limits say": {
    noticed: [/reserved: its limits are those/],
    backend: (backend) => ({
      ...backend,
      open: async (host) => backend.open({ ...host, history: () => host.history("a") }),
    }),
  },
  "counts for every topic what reserved channels have dropped": {
    noticed: [/reserved: what it drops is no loss/],
    table: (table) => ({
      ...table,
      async kept(topic) {
        const answer = await table.kept(topic);
        const { horizon } = await table.kept("~a");
        return { ...answer, horizon: Math.max(answer.horizon, horizon) };
      },
    }),
  },
  "leaves reserved channels out of its head": {
    noticed: [/reserved: its messages move the head/],
    backend: (backend, table) => ({
      ...backend,
      async readHead() {
        const head = await backend.readHead();
        const { rows } = await table.kept("**");
        return { ...head, seq: rows.at(-1)?.seq ?? 0 };
      },
    }),
  },
  "recovers nothing of reserved channels": {
    noticed: [/reserved: an instance that was cut off/],
    table: (table) => {
      let missing = false;
      return {
        ...table,
        async after(seq, topics) {
          const answer = await table.after(seq, topics).catch((error: unknown) => {
            missing = true;
            throw error;
          });
          if (!missing) return answer;
          missing = false;
          return { ...answer, rows: answer.rows.filter(({ channel }) => !channel.startsWith("~")) };
        },
      };
    },
  },
  "uses a position as its head before it has received it": {
    noticed: [/head: it never runs ahead/],
    table: (table) => ({
      ...table,
      async append(entry, limits) {
        const stored = await table.append(entry, limits);
        heard = Math.max(heard, stored.seq);
        return stored;
      },
    }),
    backend: (backend) => {
      heard = 0;
      return {
        ...backend,
        head: () => {
          const head = backend.head();
          return { ...head, seq: Math.max(head.seq, heard) };
        },
      };
    },
  },
  "moves head() only for its own messages": {
    noticed: [/head: it reaches the log's head on quiet subscriptions/],
    backend: (backend) => {
      let head: ReturnType<Backend["head"]> | undefined;
      return {
        ...backend,
        async open(host) {
          await backend.open(host);
          head = backend.head();
        },
        head: () => head ?? backend.head(),
        subscribe: async (topic, feed) =>
          backend.subscribe(topic, {
            ...feed,
            message(message) {
              head = backend.head();
              feed.message(message);
            },
          }),
      };
    },
  },
  "starts from a head that is ahead of the log": {
    noticed: [/head: from open\(\) on/],
    backend: (backend) => ({
      ...backend,
      head: () => ({ ...backend.head(), seq: Date.now() }),
    }),
  },
  "cannot be closed twice": {
    noticed: [/close: it may be called twice/],
    backend: (backend) => {
      let isClosed = false;
      return {
        ...backend,
        async close() {
          if (isClosed) throw new Error("Already closed");
          isClosed = true;
          await backend.close();
        },
      };
    },
  },
  "responds after it is closed": {
    noticed: [/close: it may be called twice/],
    backend: (backend, table) => ({
      ...backend,
      readHead: async () => (await table.after(0, [])).head,
    }),
  },
  "delivers after it is closed": {
    noticed: [/close: nothing is delivered after it/],
    backend: (backend) => {
      let close = async (): Promise<void> => {};
      return {
        ...backend,
        async open(host) {
          await backend.open(host);
          close = backend.close;
        },
        close: async () => void setTimeout(() => void close(), 200),
      };
    },
  },
  "never settles pending calls when it is closed": {
    noticed: [/close: pending publishes and subscriptions settle/],
    backend: (backend) => {
      let isClosed = false;
      return {
        ...backend,
        async publish(entry) {
          const stored = await backend.publish(entry);
          if (isClosed) await new Promise(() => {});
          return stored;
        },
        async close() {
          isClosed = true;
          await backend.close();
        },
      };
    },
  },
  "leaves an unreferenced timer": {
    noticed: [/close: it leaves no timer/],
    backend: (backend) => ({
      ...backend,
      async open(host) {
        await backend.open(host);
        setInterval(() => {}, 1000).unref();
      },
    }),
  },
  "queues publishes during an outage and sends them later": {
    noticed: [/outage: publishes reject and are never stored later/],
    table: (table, server) => ({
      ...table,
      append: async (entry, limits) =>
        table.append(entry, limits).catch(async (error: unknown) => {
          const again = setInterval(() => {
            if (server.isDown) return;
            clearInterval(again);
            void table.append(entry, limits);
          }, 1);
          throw error;
        }),
    }),
  },
  "waits forever for an unreachable server": {
    noticed: [/outage: publishes reject/],
    table: (table, server) => ({
      ...table,
      append: async (entry, limits) => {
        while (server.isDown) await new Promise((resolve) => setTimeout(resolve, 5));
        return table.append(entry, limits);
      },
    }),
  },
  "never settles a subscription that is requested during an outage": {
    noticed: [/outage: a subscription made during it/],
    backend: (backend, table) => ({
      ...backend,
      async subscribe(topic, feed) {
        await table.after(Number.MAX_SAFE_INTEGER, []).catch(async () => new Promise(() => {}));
        return backend.subscribe(topic, feed);
      },
    }),
  },
  "rejects with its client's own errors": {
    noticed: [/outage: publishes reject/, /outage: open\(\) rejects/],
    backend: (backend, table) => ({
      ...backend,
      async publish(entry) {
        await table.after(Number.MAX_SAFE_INTEGER, []);
        return backend.publish(entry);
      },
      async open(host) {
        await table.after(Number.MAX_SAFE_INTEGER, []);
        await backend.open(host);
      },
    }),
  },
  "opens although the server is unreachable": {
    noticed: [/outage: open\(\) rejects/],
    backend: (backend) => ({
      ...backend,
      open: async (host) => backend.open(host).catch(() => {}),
    }),
  },
  "can be opened only once, even if that failed": {
    noticed: [/outage: open\(\) rejects/],
    backend: (backend) => {
      let isTried = false;
      return {
        ...backend,
        async open(host) {
          if (isTried) throw new SseBusError("BUS_CLOSED", "Opened before");
          isTried = true;
          await backend.open(host);
        },
      };
    },
  },
  "does not report an outage": {
    noticed: [/outage: publishes reject/, /recovery: a disconnected instance/],
    backend: (backend) => ({
      ...backend,
      open: async (host) => backend.open({ ...host, onStatus() {} }),
    }),
  },
  "moves head() during an outage": {
    noticed: [/outage: publishes reject/],
    backend: (backend) => {
      let ahead = 0;
      return {
        ...backend,
        open: async (host) =>
          backend.open({
            ...host,
            onStatus(status) {
              if (status === "down") ahead = Date.now();
              host.onStatus(status);
            },
          }),
        head() {
          const head = backend.head();
          return ahead ? { ...head, seq: head.seq + Date.now() - ahead } : head;
        },
      };
    },
  },
  "continues after an outage with new messages only": {
    noticed: [
      /recovery: a disconnected instance/,
      /recovery: repeatedly disconnected instances/,
      /outage: through three outages under load/,
      /bus: subscribers of a disconnected instance/,
    ],
    table: (table) => {
      let missing = false;
      return {
        ...table,
        async after(seq, topics) {
          const answer = await table.after(seq, topics).catch((error: unknown) => {
            missing = true;
            throw error;
          });
          if (!missing) return answer;
          missing = false;
          return { ...answer, rows: [] };
        },
      };
    },
  },
  "is up again before it has delivered missed messages": {
    noticed: [/recovery: a disconnected instance/],
    backend: (backend) => {
      let late = 0;
      return {
        ...backend,
        open: async (host) =>
          backend.open({
            ...host,
            onStatus(status) {
              if (status === "down") late = 30;
              host.onStatus(status);
            },
          }),
        subscribe: async (topic, feed) =>
          backend.subscribe(topic, {
            ...feed,
            message: (message) =>
              late ? void setTimeout(() => feed.message(message), late) : feed.message(message),
          }),
      };
    },
  },
  "delivers messages again after an outage": {
    noticed: [/recovery: a disconnected instance/],
    backend: (backend) => {
      let last: { feed: Feed; message: LogMessage } | undefined;
      return {
        ...backend,
        open: async (host) =>
          backend.open({
            ...host,
            onStatus(status) {
              if (status === "up") last?.feed.message(last.message);
              host.onStatus(status);
            },
          }),
        subscribe: async (topic, feed) =>
          backend.subscribe(topic, {
            ...feed,
            message(message) {
              last = { feed, message };
              feed.message(message);
            },
          }),
      };
    },
  },
  "does not report messages that it could not recover": {
    noticed: [/recovery: what history no longer keeps is reported as lost/],
    backend: (backend) => ({
      ...backend,
      subscribe: async (topic, feed) => backend.subscribe(topic, { ...feed, lost() {} }),
    }),
  },
  "reports everything as lost after an outage": {
    noticed: [/recovery: a disconnected instance/],
    backend: (backend) => {
      const feeds = new Set<Feed>();
      return {
        ...backend,
        open: async (host) =>
          backend.open({
            ...host,
            onStatus(status) {
              const { seq } = backend.head();
              if (status === "up") for (const feed of feeds) feed.lost(seq);
              host.onStatus(status);
            },
          }),
        async subscribe(topic, feed) {
          feeds.add(feed);
          return backend.subscribe(topic, feed);
        },
      };
    },
  },
  "does not recover from a rejected subscription": {
    noticed: [/bus: a subscriber that starts while the server is unreachable/],
    backend: (backend) => {
      const refused = new Map<string, unknown>();
      return {
        ...backend,
        async subscribe(topic, feed) {
          if (refused.has(topic)) throw refused.get(topic);
          try {
            await backend.readHead();
          } catch (error) {
            refused.set(topic, error);
            throw error;
          }
          return backend.subscribe(topic, feed);
        },
      };
    },
  },
  "keeps its epoch after data loss": {
    noticed: [
      /data loss: every instance reports it/,
      /data loss: messages published right after/,
      /bus: after data loss/,
    ],
    table: (table) => ({
      ...table,
      append: async (entry, limits) => ({ ...(await table.append(entry, limits)), epoch: "e" }),
      async after(seq, topics) {
        const news = await table.after(seq, topics);
        return { ...news, head: { ...news.head, epoch: "e" } };
      },
      kept: async (topic) => ({ ...(await table.kept(topic)), epoch: "e" }),
    }),
  },
  "gives each instance an epoch of its own after data loss": {
    noticed: [/data loss: every instance reports it/],
    table: (table) => {
      const own = `e${Math.floor(Math.random() * 1e9).toString(36)}`;
      const first = table.after(Number.MAX_SAFE_INTEGER, []);
      const mine = async (epoch: string): Promise<string> =>
        (await first).head.epoch === epoch ? epoch : own;
      return {
        ...table,
        async append(entry, limits) {
          const stored = await table.append(entry, limits);
          return { ...stored, epoch: await mine(stored.epoch) };
        },
        async after(seq, topics) {
          const news = await table.after(seq, topics);
          return { ...news, head: { ...news.head, epoch: await mine(news.head.epoch) } };
        },
      };
    },
  },
  "responds from a new log before it reports the restart": {
    noticed: [/data loss: no result is of a new epoch before/],
    backend: (backend) => ({
      ...backend,
      open: async (host) =>
        backend.open({ ...host, onRestart: () => void setTimeout(host.onRestart, 20) }),
    }),
  },
  "does not report data loss": {
    noticed: [/data loss: every instance reports it/],
    backend: (backend) => ({
      ...backend,
      open: async (host) => backend.open({ ...host, onRestart() {} }),
    }),
  },
};

let heard = 0;
let blocks = 0;

for (const [fault, { noticed, ...parts }] of Object.entries(broken)) {
  test(`a backend that ${fault} is caught`, async () => {
    const suite = collectSuite(parts);
    for (const pattern of noticed) {
      const found = [...suite].filter(([name]) => pattern.test(name));
      expect(found.map(([name]) => name)).toHaveLength(1);
      for (const [name, run] of found) {
        await expect(run(), `"${name}" passes`).rejects.toThrow(/seed/);
      }
    }
  });
}

test("every test of the suite fails for some broken backend", () => {
  const patterns = Object.values(broken).flatMap(({ noticed }) => noticed);
  const idle = [...collectSuite({}).keys()].filter(
    (name) => !patterns.some((pattern) => pattern.test(name)),
  );
  expect(idle).toEqual([]);
});

type Run = () => Promise<void>;

function collectSuite(parts: Omit<Broken, "noticed">): Map<string, Run> {
  const { server = (it) => it, table = (it) => it, backend = (it) => it } = parts;
  const tables = new WeakMap<Backend, LogTable>();
  const suite = new Map<string, Run>();
  const cutOf = (given: Backend): LogTable => tables.get(given) as LogTable;
  testBackend({
    ...pollingConformance,
    test: (name, run) => suite.set(name, run),
    createLog: () => server(createLogServer()),
    connect(log) {
      const good = log.connect();
      const faulty = table(good, log);
      const result = backend(pollingBackend(faulty), good);
      tables.set(result, good);
      return result;
    },
    partition: {
      cut: async (log, given) => void log.cut.add(cutOf(given)),
      mend: async (log, given) => void log.cut.delete(cutOf(given)),
    },
    timeoutMs: 500,
  });
  return suite;
}
