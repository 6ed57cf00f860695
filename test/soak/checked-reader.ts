import { get, type IncomingMessage } from "node:http";
import { createParser } from "eventsource-parser";

/** What all readers together have seen. */
export interface Tally {
  messages: number;
  connects: number;
  gaps: number;
  readonly byes: Map<string, number>;
  /** Publishes that failed, as `channel number`: whether they were stored nobody knows. */
  readonly uncertain: Set<string>;
  /** Broken promises; a handful is enough to know. */
  readonly violations: string[];
}

/** A reader that checks every message it is given, over any number of connections. */
export interface CheckedReader {
  /** Connects, from where it stood. Resolves when the stream is open. */
  connect(): Promise<void>;
  /** Leaves without a farewell. */
  drop(): void;
  pause(): void;
  resume(): void;
  /** The newest number seen of a channel. */
  readonly last: ReadonlyMap<string, number>;
}

export interface CheckedReaderOptions {
  readonly name: string;
  readonly url: string;
  /** Reads the messages of these, numbered one by one per channel. */
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
  let lastEventId: string | undefined;
  let lastSeq = -1;
  let epoch: string | undefined;
  /** Channels whose next message may skip some, since a gap said so. */
  const isTold = new Set<string>();
  let response: IncomingMessage | undefined;
  /** The newest attempt: what an older one brings late is of a line that was given up. */
  let attempt = 0;
  let isPaused = false;

  function violate(what: string): void {
    if (tally.violations.length < MAX_VIOLATIONS) tally.violations.push(`${name}: ${what}`);
  }

  function take(event: string, id: string | undefined, data: string): void {
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
      lastEventId = id;
    }
    if (event === "gap") {
      tally.gaps++;
      const { channels } = JSON.parse(data) as { channels: string[] };
      for (const channel of last.keys()) if (isCovered(channel, channels)) isTold.add(channel);
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
    for (let missing = (before ?? n) + 1; missing < n && !isTold.has(c); missing++) {
      if (tally.uncertain.has(`${c} ${missing}`)) continue;
      violate(`${c} ${missing} is missing before ${n}, and nothing said so`);
    }
    last.set(c, n);
    isTold.delete(c);
  }

  async function connect(): Promise<void> {
    const mine = leave();
    const query = options.topics.map((topic) => `channel=${topic}`).join("&");
    const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${options.url}?${query}`, { agent: false, headers }, resolve).on("error", reject);
    });
    if (mine !== attempt || answer.statusCode !== 200) {
      answer.destroy();
      throw new Error(`answered ${answer.statusCode}`);
    }
    tally.connects++;
    response = answer;
    const parser = createParser({
      onEvent({ event = "message", id, data }) {
        if (mine === attempt) take(event, id, data);
      },
    });
    answer.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
    answer.on("error", () => {});
    answer.once("close", () => retry(mine));
    if (isPaused) answer.pause();
  }

  /** As a browser would, after a while. */
  function retry(from: number): void {
    if (from !== attempt) return;
    setTimeout(() => {
      if (from === attempt) connect().catch(() => retry(from + 1));
    }, 200);
  }

  function leave(): number {
    response?.destroy();
    response = undefined;
    return ++attempt;
  }

  return {
    last,
    connect,
    drop: () => void leave(),
    pause() {
      isPaused = true;
      response?.pause();
    },
    resume() {
      isPaused = false;
      response?.resume();
    },
  };
}

/** A pattern's gap is for every channel that it covers. */
function isCovered(channel: string, topics: readonly string[]): boolean {
  return topics.some(
    (topic) =>
      topic === channel || (topic.endsWith("/*") && channel.startsWith(topic.slice(0, -1))),
  );
}
