import { topicCovers } from "../../../src/core/channel-name.ts";
import type { LogMessage } from "../../../src/core/message.ts";
import type { Gap } from "../../../src/core/packet.ts";
import { formatCursor } from "../../../src/core/position.ts";
import type { Block, Stock } from "../test-sink.ts";
import type { Truth } from "./truth.ts";

/** A client that checks everything it receives, over all its streams, against the truth. */
export interface ModelClient {
  readonly name: string;
  readonly topics: readonly string[];
  /** Its `Last-Event-ID`. */
  readonly lastId: string | undefined;
  /** It requested what is kept (`from=earliest`, `latest`), so it misses nothing else. */
  asksForKept: boolean;
  /** Up to here it requested only the latest (`from=latest`). */
  snapshotUntil: number;
  /**
   * It has kept up since this position: it must receive every message after it, and no gap. A
   * later resume ends this.
   */
  strictFrom: number | undefined;
  /** Evicted history may not cause a gap. */
  isGenerous: boolean;
  /** Takes a block of its stream. Throws an error that names a violated invariant. */
  accept(block: Block): void;
  /** The epoch of its cursor. */
  readonly epoch: string;
  readonly position: number;
  /** Messages that it missed without a gap so far. */
  readonly owed: readonly LogMessage[];
}

export function createModelClient(
  name: string,
  topics: readonly string[],
  truth: Truth,
): ModelClient {
  const received = new Set<string>();
  let owed: LogMessage[] = [];
  let epoch = "";
  let position = 0;
  let hasHello = false;
  /** What gaps have reported as lost. */
  let pardons: (Stock & { readonly channels: readonly string[] })[] = [];

  function fail(why: string, block: Block): never {
    const { event, seq, epoch: of, channel, data } = block;
    const about = `${event} ${seq} of ${of} on ${channel}: ${JSON.stringify(data)}`;
    throw new Error(`${name} (${topics.join(" ")}), at ${position} of ${epoch}, ${why}; ${about}`);
  }

  /** Moves to `to`; messages of its topics in between are owed unless excused. */
  function move(to: number, except?: number): void {
    for (const message of truth.between(epoch, { topics, after: position, upTo: to })) {
      if (message.seq !== except && !isExcused(message)) owed.push(message);
    }
    position = to;
  }

  function isExcused(message: LogMessage): boolean {
    const { snapshotUntil, strictFrom } = client;
    const { seq } = message;
    for (const { channels, head, kept } of pardons) {
      if (seq <= head && !kept.has(seq) && covers(channels, message)) return true;
    }
    if (message.seq <= snapshotUntil && truth.isOutdated(epoch, message)) return true;
    const mustCome = strictFrom !== undefined && message.seq > strictFrom;
    return !mustCome && truth.isSuperseded(epoch, message);
  }

  function restart(block: Block): void {
    epoch = block.epoch;
    position = block.seq;
    owed = [];
    pardons = [];
    client.snapshotUntil = 0;
    client.strictFrom = undefined;
  }

  function forgive(channels: readonly string[], { stock }: Block): void {
    if (stock) pardons.push({ ...stock, channels });
  }

  function acceptHello(block: Block): void {
    if (!hasHello) {
      hasHello = true;
      epoch = block.epoch;
      position = block.seq;
      if (client.asksForKept) forgive(topics, block);
    } else if (block.seq !== position || block.epoch !== epoch) {
      fail("resumed from another position than its last id", block);
    }
  }

  function acceptMessage(block: Block): void {
    const { seq, channel } = block;
    if (block.epoch !== epoch) fail("got a message of another log without a gap", block);
    if (!topics.some((topic) => topicCovers(topic, channel)))
      fail("got a message of a channel that it did not request", block);
    if (seq <= position) fail("got an id that does not increase", block);
    if (received.has(`${epoch} ${seq}`)) fail("got a message twice", block);
    const own = truth.between(epoch, { topics, after: seq - 1, upTo: seq })[0];
    if (!own || own.channel !== channel) fail("got a message that was not published", block);
    move(seq, seq);
    const late = owed.find((message) => message.channel === channel);
    if (late) fail(`got it before a gap for ${late.seq}`, block);
    received.add(`${epoch} ${seq}`);
  }

  function acceptGap(block: Block): void {
    const gap = block.data as Gap;
    for (const channel of gap.channels) {
      if (!topics.includes(channel)) fail("got a gap of a channel that it did not request", block);
    }
    // Also within an epoch: the log may detect its restart before its feed does.
    if (block.epoch !== epoch || gap.reason !== "evicted") {
      if (gap.channels.length !== topics.length)
        fail("got a restart gap without all its channels", block);
      restart(block);
      forgive(gap.channels, block);
      return;
    }
    if (client.isGenerous) fail("got a gap although nothing is ever evicted", block);
    if (client.strictFrom !== undefined) fail("got a gap although it kept up", block);
    if (block.seq < position) fail("got a gap with an older id", block);
    const before = position;
    forgive(gap.channels, block);
    move(block.seq);
    if (gap.count !== undefined) {
      const lost = truth.between(epoch, { topics: gap.channels, after: before, upTo: block.seq });
      if (lost.length !== gap.count) fail(`lost ${lost.length}, not the reported number`, block);
    }
    owed = owed.filter((message) => !covers(gap.channels, message));
  }

  const client: ModelClient = {
    name,
    topics,
    asksForKept: false,
    snapshotUntil: 0,
    strictFrom: undefined,
    isGenerous: false,
    get lastId() {
      return hasHello ? formatCursor({ seq: position, time: 0 }, epoch) : undefined;
    },
    get epoch() {
      return epoch;
    },
    get position() {
      return position;
    },
    get owed() {
      return owed;
    },
    accept(block) {
      if (block.event === "hello") acceptHello(block);
      else if (block.event === "message") acceptMessage(block);
      else if (block.event === "gap") acceptGap(block);
      else if (block.epoch !== epoch) fail("got a heartbeat of another log", block);
      else if (block.seq < position) fail("got a heartbeat with an older id", block);
      else move(block.seq);
    },
  };
  return client;
}

function covers(topics: readonly string[], { channel }: LogMessage): boolean {
  return topics.some((topic) => topicCovers(topic, channel));
}
