import { type ClientRequest, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** What a published message carries: the `n`th of its channel. */
export interface Payload {
  readonly n: number;
}

/** A client that never gives up: it resumes from its last id, on whichever server answers. */
export interface ChaosReader {
  readonly channels: readonly string[];
  /** The newest `n` by channel. */
  readonly newest: ReadonlyMap<string, number>;
  /** What must never happen: doubles, disorder, holes that no gap has told of. */
  readonly violations: readonly string[];
  readonly gaps: readonly { channels: readonly string[]; reason: string }[];
  /** The first `hello` has come. */
  readonly opened: Promise<void>;
  stop(): Promise<void>;
}

const RETRY_MS = 100;

export function startReader(origins: readonly string[], channels: readonly string[]): ChaosReader {
  const newest = new Map<string, number>(channels.map((channel) => [channel, 0]));
  const told = new Set<string>();
  const violations: string[] = [];
  const gaps: { channels: readonly string[]; reason: string }[] = [];
  let lastEventId: string | undefined;
  let request: ClientRequest | undefined;
  let isStopped = false;
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));

  function accept({ id, event = "message", data }: EventSourceMessage): void {
    if (id !== undefined) lastEventId = id;
    if (event === "hello") open();
    if (event === "gap") {
      const gap = JSON.parse(data) as { channels: string[]; reason: string };
      gaps.push(gap);
      for (const channel of gap.channels) told.add(channel);
    }
    if (event !== "message") return;
    const channel = (id ?? "").slice((id ?? "").indexOf("@") + 1);
    const { n } = JSON.parse(data) as Payload;
    const before = newest.get(channel);
    if (before === undefined) violations.push(`${channel}: not subscribed to`);
    else if (n <= before) violations.push(`${channel}: ${n} came after ${before}`);
    else if (n > before + 1 && !told.has(channel)) {
      violations.push(`${channel}: ${n} came after ${before} and no gap told of it`);
    }
    told.delete(channel);
    newest.set(channel, n);
  }

  /** Reads one connection to its end. */
  function read(origin: string): Promise<void> {
    const query = channels.map((channel) => `channel=${channel}`).join("&");
    return new Promise((resolve) => {
      const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
      request = get(`${origin}/api/sse?${query}`, { agent: false, headers }, (response) => {
        response.on("error", () => {});
        response.once("close", resolve);
        if (response.statusCode !== 200) {
          response.resume();
          return;
        }
        const parser = createParser({ onEvent: accept });
        response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
      });
      request.once("error", () => resolve());
    });
  }

  async function run(): Promise<void> {
    for (let attempt = Math.floor(Math.random() * origins.length); !isStopped; attempt++) {
      await read(origins[attempt % origins.length] as string);
      if (!isStopped) await sleep(RETRY_MS * (0.5 + Math.random()));
    }
  }
  const done = run();

  return {
    channels,
    newest,
    violations,
    gaps,
    opened,
    async stop() {
      isStopped = true;
      request?.destroy();
      await done;
    },
  };
}
