import type { BackendHost, Feed, TopicSubscription } from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { decodeLive, decodeMark, type LiveItem, type Mark, toMessage } from "./codec.ts";
import type { HistorySource } from "./history.ts";
import { inTime } from "./in-time.ts";
import type { Link } from "./link.ts";
import { createMarker } from "./marker.ts";
import { type Missed, readMissed } from "./recovery.ts";
import { createSources } from "./sources.ts";
import { createTopics, type LiveTopic } from "./topics.ts";
import { unavailable } from "./unavailable.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * The receiving side. Everything comes through one connection, in the order of positions; a marker
 * that comes through it proves that everything before it has been received.
 */
export interface Live {
  /** The newest position that is proven to be reached. */
  readonly reached: Cursor;
  /** The newest position seen, received or not. */
  readonly seen: Cursor;
  /** Nothing is missing. */
  readonly isLive: boolean;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  /** A new connection, or none. */
  use(link: Link | undefined): void;
  receive(channel: string, text: string): void;
  /** Resolves once the host has been told that the log restarted, which was seen elsewhere. */
  restarted(): Promise<void>;
  /** A position that was seen elsewhere, in the answer to a publish. */
  note(cursor: Cursor): void;
  close(cause: Error): void;
}

export interface LiveOptions {
  readonly source: HistorySource;
  readonly host: BackendHost;
  /** Where the log stood when the instance was opened. */
  readonly start: Cursor;
  readonly markMs: number;
  readonly timeoutMs: number;
  readonly waitMs: number;
  /** Gives the connection up: it missed something, or is dead. */
  readonly drop: (cause: Error) => void;
  /** `isLive` may have changed. */
  readonly onChange: () => void;
}

type Item = { readonly channel: string; readonly message: LiveItem } | { readonly mark: Mark };

export function createLive(options: LiveOptions): Live {
  const { source, host, drop, onChange, timeoutMs, waitMs } = options;
  const { keys } = source;
  let reached = options.start;
  let phase: "down" | "syncing" | "live" = "down";
  /** The marker that the present connection has to bring first, and what came after it. */
  let sync: { readonly mark: number; buffer: Item[] | undefined } | undefined;

  const onRestarted = new Set<() => void>();
  let restarting: Promise<void> | undefined;
  const topics = createTopics(({ name }) => sources.release(keys.source(name), name));
  const sources = createSources({ onConfirmed, onFailure: drop, onRefused });
  const marker = createMarker({
    ...options,
    beforeSend: assignMark,
    isWanted: () => phase === "live",
  });
  sources.want(keys.marks, keys.marks.name);

  function onConfirmed(): void {
    if (phase === "live") {
      if ([...topics.all.values()].some(({ isLive, mark }) => !isLive && mark === undefined)) {
        marker.send().catch(() => {}); // the next one carries them
      }
      return;
    }
    if (sync) return;
    phase = "syncing";
    const sent = marker.send();
    sync = { mark: marker.sent, buffer: undefined };
    sent.catch(drop);
  }

  function onRefused(names: ReadonlySet<string>, cause: Error): void {
    const refused = [...names].map((name) => topics.all.get(name));
    // Without markers nothing can be proven, and what was live must not go quiet unnoticed.
    if (names.has(keys.marks.name) || refused.some((topic) => topic?.isLive)) return drop(cause);
    for (const topic of refused) {
      for (const { reject } of topic?.feeds.values() ?? []) reject(unavailable(cause));
    }
  }

  /** The marker of this number proves all topics that the server has confirmed by now. */
  function assignMark(number: number): void {
    for (const topic of topics.all.values()) {
      if (topic.isLive || topic.mark !== undefined) continue;
      if (sources.isConfirmed(keys.source(topic.name))) topic.mark = number;
    }
  }

  function handle(item: Item): void {
    if ("mark" in item) return handleMark(item.mark);
    const { channel, message } = item;
    if (message.epoch !== reached.epoch) restart({ ...message, seq: message.seq - 1 });
    // A channel and a pattern that covers it both bring the message.
    if (message.seq <= reached.seq) return;
    const topic = topics.all.get(channel);
    if (topic?.isLive) {
      if (message.previous > topic.last) {
        return drop(new Error(`Message ${message.previous} of "${channel}" did not arrive`));
      }
      topic.last = message.seq;
    }
    reached = toCursor(message);
    topics.hand(channel, message.seq, () => toMessage(channel, message));
  }

  function handleMark(mark: Mark): void {
    if (mark.epoch !== reached.epoch) restart(mark);
    else if (mark.seq > reached.seq) reached = toCursor(mark);
    const number = marker.arrived(mark);
    if (number === undefined) return;
    for (const topic of topics.all.values()) {
      if (!topic.isLive && topic.mark !== undefined && topic.mark <= number) {
        topics.goLive(topic, reached);
      }
    }
  }

  function restart(cursor: Cursor): void {
    reached = toCursor(cursor);
    topics.restart(reached.seq);
    host.onRestart();
    for (const tell of onRestarted) tell();
    onRestarted.clear();
  }

  /** The connection has brought its first marker: everything after it will arrive. */
  async function catchUp(mark: Mark): Promise<void> {
    const mine = sync;
    if (!mine) return;
    mine.buffer = [];
    const names = [...topics.all.values()].filter(({ isLive }) => isLive).map(({ name }) => name);
    const isOther = mark.epoch !== reached.epoch;
    const missed = isOther
      ? undefined
      : await readMissed(source, {
          topics: names,
          after: reached,
          upTo: mark,
          maxBytes: host.maxHistoryBytes,
        });
    if (sync !== mine) return;
    if (missed) feedMissed(missed);
    sync = undefined;
    phase = "live";
    handleMark(mark);
    for (const topic of topics.all.values()) topic.last = Math.max(topic.last, reached.seq);
    for (const item of mine.buffer) {
      // A hole in what came since: the connection was given up, and the next one starts over.
      if (!isStill("live")) return;
      handle(item);
    }
    onConfirmed();
    onChange();
  }

  function feedMissed({ messages, losses }: Missed): void {
    for (const [name, seq] of losses) {
      for (const feed of topics.all.get(name)?.feeds.keys() ?? []) feed.lost(seq);
    }
    for (const message of messages) {
      reached = { seq: message.seq, time: message.time, epoch: reached.epoch };
      topics.hand(message.channel, message.seq, () => message);
    }
  }

  function isStill(wanted: typeof phase): boolean {
    return phase === wanted;
  }

  function decodeItem(source: string, text: string): Item {
    if (source === keys.marks.name) return { mark: decodeMark(text) };
    if (source !== keys.all) {
      return { channel: source.slice(keys.live.length), message: decodeLive(text) };
    }
    const end = text.indexOf("\n");
    return { channel: text.slice(0, end), message: decodeLive(text.slice(end + 1)) };
  }

  return {
    get reached() {
      return reached;
    },
    get seen() {
      return marker.seen;
    },
    get isLive() {
      return phase === "live";
    },
    async subscribe(name, feed) {
      let topic: LiveTopic | undefined;
      let late: ReturnType<typeof setTimeout> | undefined;
      try {
        return await new Promise<TopicSubscription>((resolve, reject) => {
          topic = topics.add(name, feed, { resolve, reject });
          // What is live stays so over an outage: the feed gets what is missed with the others.
          if (topic.isLive) return topics.goLive(topic, reached);
          sources.want(keys.source(name), name);
          const refuse = (): void =>
            reject(unavailable(new Error(`"${name}" could not be subscribed to in time`)));
          late = startTimeout(() => {
            if (phase === "down") refuse();
            else late = startTimeout(refuse, timeoutMs);
          }, waitMs);
        });
      } catch (error) {
        if (topic) topics.remove(topic, feed);
        throw error;
      } finally {
        clearTimeout(late);
      }
    },
    use(link) {
      phase = "down";
      sync = undefined;
      for (const topic of topics.all.values()) topic.mark = undefined;
      marker.reset();
      sources.use(link);
    },
    receive(channel, text) {
      const item = decodeItem(channel, text);
      if (phase === "live") handle(item);
      else if (sync?.buffer) sync.buffer.push(item);
      else if (sync && "mark" in item && marker.numberOf(item.mark) === sync.mark) {
        catchUp(item.mark).catch(drop);
      }
    },
    async restarted() {
      // One marker for all who wait for it.
      restarting ??= inTime("the log's restart", timeoutMs, async (resolve) => {
        onRestarted.add(resolve);
        await marker.send();
      }).finally(() => (restarting = undefined));
      await restarting.catch((error: unknown) => {
        throw unavailable(error);
      });
    },
    note(cursor) {
      marker.note(cursor);
      // Another epoch than ours: the log restarted, and a marker brings the news at once.
      if (cursor.epoch !== reached.epoch && phase === "live") marker.send().catch(() => {});
    },
    close(cause) {
      marker.close();
      for (const { feeds } of topics.all.values()) {
        for (const { reject } of feeds.values()) reject(cause);
      }
      sources.use(undefined);
    },
  };
}

function toCursor({ seq, time, epoch }: Cursor): Cursor {
  return { seq, time, epoch };
}
