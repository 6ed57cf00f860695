import type { Backend, Feed, NewMessage, Stored } from "../../src/core/backend.ts";
import { SseBusError } from "../../src/core/errors.ts";
import { memoryBackend } from "../../src/core/memory-backend.ts";
import type { LogMessage } from "../../src/core/message.ts";
import type { Cursor } from "../../src/core/position.ts";

/** A log in memory that several buses share, each over a network of its own that can fail. */
export interface SharedLog {
  connect(): LogLink;
}

/** One bus's way to the log. */
export interface LogLink {
  readonly backend: Backend;
  /** What it has published, without what was refused. */
  readonly published: readonly NewMessage[];
  /** Nothing passes until {@link connect}: publishes are refused, and what is delivered waits. */
  cut(): void;
  /** Publishes are stored, but no answer comes until {@link connect}; what is delivered waits. */
  delay(): void;
  connect(): void;
  /** What waits to be delivered is lost; reported as soon as the link is connected. */
  lose(): void;
}

type LinkState = "connected" | "cut" | "delayed";

export function createSharedLog(): SharedLog {
  const memory = memoryBackend();
  return { connect: () => connect(memory) };
}

function connect(memory: Backend): LogLink {
  const published: NewMessage[] = [];
  /** In the order of the log. */
  let waiting: { feed: Feed; message: LogMessage }[] = [];
  const lost = new Map<Feed, number>();
  let answers: (() => void)[] = [];
  let state: LinkState = "connected";
  let head: Cursor | undefined;

  function deliver(): void {
    for (const [feed, seq] of lost) feed.lost(seq);
    lost.clear();
    const all = waiting;
    waiting = [];
    head = undefined;
    for (const { feed, message } of all) feed.message(message);
  }

  function hold(to: LinkState): void {
    if (state === "connected") head = memory.head();
    state = to;
  }

  async function publish(message: NewMessage): Promise<Stored> {
    if (state === "cut") throw new SseBusError("BACKEND_UNAVAILABLE", "The log cannot be reached.");
    const stored = await memory.publish(message);
    published.push(message);
    if (state === "delayed") await new Promise<void>((resolve) => answers.push(resolve));
    return stored;
  }

  return {
    backend: {
      ...memory,
      publish,
      head: () => head ?? memory.head(),
      async subscribe(topic, feed) {
        return memory.subscribe(topic, {
          message(message) {
            if (state === "connected") feed.message(message);
            else waiting.push({ feed, message });
          },
          lost: (seq) => feed.lost(seq),
        });
      },
    },
    published,
    cut: () => hold("cut"),
    delay: () => hold("delayed"),
    connect() {
      state = "connected";
      deliver();
      const all = answers;
      answers = [];
      for (const answer of all) answer();
    },
    lose() {
      for (const { feed, message } of waiting) lost.set(feed, message.seq);
      waiting = [];
    },
  };
}
