import { createReconnectingStream } from "../support/reconnecting-stream.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";

/** What a published message carries: the `n`th of its channel. */
export interface Payload {
  readonly n: number;
}

/** A client that always reconnects: from its last event id, to each server in turn. */
export interface ChaosReader {
  readonly channels: readonly string[];
  /** The newest `n` by channel. */
  readonly newest: ReadonlyMap<string, number>;
  /** Duplicates, disorder, and losses without a gap. */
  readonly violations: readonly string[];
  readonly gaps: readonly { channels: readonly string[]; reason: string }[];
  /** Resolves at the first `hello`. */
  readonly opened: Promise<void>;
  stop(): void;
}

const RETRY_MS = 100;

export function startReader(origins: readonly string[], channels: readonly string[]): ChaosReader {
  const newest = new Map<string, number>(channels.map((channel) => [channel, 0]));
  /** Channels whose next message may skip numbers, because a gap was reported. */
  const hasGap = new Set<string>();
  const violations: string[] = [];
  const gaps: { channels: readonly string[]; reason: string }[] = [];
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));

  function accept({ id, event, data }: ReceivedEvent): void {
    if (event === "hello") open();
    if (event === "gap") {
      const gap = JSON.parse(data) as { channels: string[]; reason: string };
      gaps.push(gap);
      for (const channel of gap.channels) hasGap.add(channel);
    }
    if (event !== "message") return;
    const channel = (id ?? "").slice((id ?? "").indexOf("@") + 1);
    const { n } = JSON.parse(data) as Payload;
    const before = newest.get(channel);
    if (before === undefined) violations.push(`${channel}: not subscribed to`);
    else if (n <= before) violations.push(`${channel}: ${n} came after ${before}`);
    else if (n > before + 1 && !hasGap.has(channel)) {
      violations.push(`${channel}: ${n} came after ${before} without a gap`);
    }
    hasGap.delete(channel);
    newest.set(channel, n);
  }

  const query = channels.map((channel) => `channel=${channel}`).join("&");
  let attempt = Math.floor(Math.random() * origins.length);
  const stream = createReconnectingStream({
    url: () => `${origins[attempt++ % origins.length]}/api/sse?${query}`,
    retryMs: () => RETRY_MS * (0.5 + Math.random()),
    onEvent: accept,
  });
  void stream.connect();
  return { channels, newest, violations, gaps, opened, stop: stream.disconnect };
}
