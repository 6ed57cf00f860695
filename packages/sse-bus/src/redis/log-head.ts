import type { BackendHost } from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import { withTimeout } from "../core/timers.ts";
import { type Arrival, isSameMessage, type MessageArrival } from "./arrival.ts";
import { type HeadMarker, type AnnouncedMessage, toMessage } from "./codec.ts";
import { timeoutError, unavailableError } from "./errors.ts";
import type { HeadMarkers } from "./head-markers.ts";
import type { MissedMessages } from "./missed-messages.ts";
import type { RedisTopicRegistry } from "./topic-registry.ts";

/**
 * Moves the head with each message and marker that arrives, and delivers the messages. Detects what
 * the log did not send, and restarts of the log.
 */
export interface RedisLogHead {
  /** The newest position that is proven to be delivered. */
  readonly head: Cursor;
  handle(arrival: Arrival): void;
  /** Delivers messages that were published while there was no connection. */
  deliverMissed(missed: MissedMessages): void;
  /** Resolves when a restart of the log has been reported to the host. */
  restarted(): Promise<void>;
}

export interface RedisLogHeadOptions {
  readonly host: BackendHost;
  readonly topics: RedisTopicRegistry;
  readonly markers: HeadMarkers;
  readonly start: Cursor;
  readonly timeoutMs: number;
  /** Ends the connection: it missed a message. */
  readonly drop: (cause: Error) => void;
}

/** More positions than a server assigns between two markers. */
const MAX_STEP = 100_000;

export function createLogHead(options: RedisLogHeadOptions): RedisLogHead {
  const { host, topics, markers, timeoutMs, drop } = options;
  let head = options.start;
  /** The newest message that moved the head. */
  let newest: MessageArrival | undefined;
  /** Two different messages had one position: the log did not send both. */
  let isInDoubt = false;
  let isAsking = false;
  const restartListeners = new Set<() => void>();
  let restarting: Promise<void> | undefined;

  /**
   * Any client with permission to publish on the server can send anything on the bus's channels. Only
   * a marker of this instance proves where the log is, because no other client knows its token.
   */
  function askLog(): void {
    if (isAsking) return;
    isAsking = true;
    const clear = (): void => void (isAsking = false);
    markers.request().then(clear, clear);
  }

  /** Nothing moves the head that far between two markers. What is read from the log then is true. */
  function isFarAhead({ seq }: Cursor): boolean {
    if (seq <= head.seq + MAX_STEP) return false;
    drop(new Error(`Position ${seq} arrived, far ahead of ${head.seq}`));
    return true;
  }

  function handleMessage(channel: string, message: AnnouncedMessage): void {
    if (message.epoch !== head.epoch) return askLog();
    if (message.seq <= head.seq) {
      // A channel and a pattern that covers it both deliver the message. Anything else was never the
      // next message: either this one is not of the log, or one before it was not.
      if (newest && isSameMessage(newest, { channel, message })) return;
      isInDoubt ||= newest?.message.seq === message.seq;
      return askLog();
    }
    if (isFarAhead(message)) return;
    const topic = topics.all.get(channel);
    if (topic?.isLive) {
      if (message.previous > topic.last) {
        return drop(new Error(`Message ${message.previous} of "${channel}" did not arrive`));
      }
    }
    // Before the head moves: a position that cannot be read may not be one of the log.
    const isWanted = topics.isWanted(channel);
    const decoded = isWanted ? toMessage(channel, message, host.onError) : undefined;
    if (isWanted && !decoded) return askLog();
    if (topic?.isLive) topic.last = message.seq;
    newest = { channel, message };
    head = toCursor(message);
    if (decoded) topics.deliver(channel, decoded);
  }

  function handleMarker(marker: HeadMarker): void {
    const number = markers.numberOf(marker);
    if (number === undefined) {
      if (marker.epoch !== head.epoch) return askLog();
      if (isFarAhead(marker)) return;
      markers.received(marker);
      if (marker.seq > head.seq) head = toCursor(marker);
      // Each marker follows all messages up to its position, and no later one.
      else if (marker.seq < head.seq) askLog();
      return;
    }
    markers.received(marker);
    if (marker.epoch !== head.epoch || marker.seq < head.seq || isInDoubt) restart(marker);
    else if (marker.seq > head.seq) head = toCursor(marker);
    for (const topic of topics.all.values()) {
      if (!topic.isLive && topic.marker !== undefined && topic.marker <= number) {
        topics.goLive(topic, head);
      }
    }
  }

  function restart(cursor: Cursor): void {
    head = toCursor(cursor);
    newest = undefined;
    isInDoubt = false;
    topics.restart(head.seq);
    host.onRestart();
    for (const listener of restartListeners) listener();
    restartListeners.clear();
  }

  /** One marker for all callers that wait. */
  async function waitForRestart(): Promise<void> {
    const seen = new Promise<void>((resolve, reject) => {
      restartListeners.add(resolve);
      markers.request().catch(reject);
    });
    await withTimeout(seen, timeoutMs, () => timeoutError("the log's restart", timeoutMs));
  }

  return {
    get head() {
      return head;
    },
    handle(arrival) {
      if ("marker" in arrival) handleMarker(arrival.marker);
      else handleMessage(arrival.channel, arrival.message);
    },
    deliverMissed({ messages, losses }) {
      for (const [name, seq] of losses) {
        for (const feed of topics.all.get(name)?.feeds.keys() ?? []) feed.lost(seq);
      }
      for (const message of messages) {
        head = { seq: message.seq, time: message.time, epoch: head.epoch };
        topics.deliver(message.channel, message);
      }
    },
    async restarted() {
      restarting ??= waitForRestart().finally(() => (restarting = undefined));
      await restarting.catch((error: unknown) => {
        throw unavailableError(error);
      });
    },
  };
}

function toCursor({ seq, time, epoch }: Cursor): Cursor {
  return { seq, time, epoch };
}
