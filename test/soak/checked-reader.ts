import {
  createReconnectingStream,
  type ReconnectingStream,
} from "../support/reconnecting-stream.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";

/** The counts and violations of all readers together. */
export interface Tally {
  messages: number;
  connects: number;
  gaps: number;
  readonly byes: Map<string, number>;
  /** Publishes that failed, as `channel number`. They may or may not have been stored. */
  readonly uncertain: Set<string>;
  /** Violated guarantees, the first 20. */
  readonly violations: string[];
}

/** A reconnecting stream that checks every message it receives. */
export interface CheckedReader extends ReconnectingStream {
  /** The newest number received, by channel. */
  readonly last: ReadonlyMap<string, number>;
}

export interface CheckedReaderOptions {
  readonly name: string;
  readonly url: string;
  /** Channels and patterns to read. Their messages are numbered per channel. */
  readonly topics: readonly string[];
  readonly tally: Tally;
}

const MAX_VIOLATIONS = 20;

export function createTally(): Tally {
  return {
    messages: 0,
    connects: 0,
    gaps: 0,
    byes: new Map(),
    uncertain: new Set(),
    violations: [],
  };
}

export function createCheckedReader(options: CheckedReaderOptions): CheckedReader {
  const { tally, name } = options;
  const last = new Map<string, number>();
  let lastSeq = -1;
  let epoch: string | undefined;
  /** Channels whose next message may skip numbers, because a gap was reported. */
  const hasGap = new Set<string>();

  function violate(what: string): void {
    if (tally.violations.length < MAX_VIOLATIONS) tally.violations.push(`${name}: ${what}`);
  }

  function take({ event, id, data }: ReceivedEvent): void {
    if (id === undefined) {
      if (event !== "bye") violate(`a ${event} without an id`);
    } else {
      const [seq = "", , rest = ""] = id.split("-");
      const own = rest.split("@")[0];
      const number = Number.parseInt(seq, 36);
      // Control blocks may repeat a position; a message never.
      if (own === epoch && (event === "message" ? number <= lastSeq : number < lastSeq)) {
        violate(`${event} ${id} came after position ${lastSeq.toString(36)}`);
      }
      lastSeq = own === epoch ? Math.max(lastSeq, number) : number;
      epoch = own;
    }
    if (event === "gap") {
      tally.gaps++;
      const { channels } = JSON.parse(data) as { channels: string[] };
      for (const channel of last.keys()) if (isCovered(channel, channels)) hasGap.add(channel);
    } else if (event === "bye") {
      const { reason } = JSON.parse(data) as { reason: string };
      tally.byes.set(reason, (tally.byes.get(reason) ?? 0) + 1);
    } else if (event === "message") check(data);
  }

  function check(data: string): void {
    tally.messages++;
    const { c, n } = JSON.parse(data) as { c: string; n: number };
    const before = last.get(c);
    if (before !== undefined && n <= before) violate(`${c} ${n} came after ${before}`);
    for (let missing = (before ?? n) + 1; missing < n && !hasGap.has(c); missing++) {
      if (tally.uncertain.has(`${c} ${missing}`)) continue;
      violate(`${c} ${missing} is missing before ${n} without a gap`);
    }
    last.set(c, n);
    hasGap.delete(c);
  }

  const query = options.topics.map((topic) => `channel=${topic}`).join("&");
  const stream = createReconnectingStream({
    url: () => `${options.url}?${query}`,
    onConnect: () => tally.connects++,
    onEvent: take,
  });
  return { ...stream, last };
}

/** A gap that names a pattern covers every channel of the pattern. */
function isCovered(channel: string, topics: readonly string[]): boolean {
  return topics.some(
    (topic) =>
      topic === channel || (topic.endsWith("/*") && channel.startsWith(topic.slice(0, -1))),
  );
}
