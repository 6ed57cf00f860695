import type { Link, SourceKind } from "./link.ts";
import type { Source } from "./keys.ts";

/**
 * The pub/sub channels and patterns of an instance. What is wanted and what the server was asked for
 * are brought together in one place and one step after the other: a topic that is closed and
 * subscribed again at once must not lose to its own UNSUBSCRIBE.
 */
export interface Sources {
  /** Several topics may need the same source; `onConfirmed` follows, also where it is confirmed already. */
  want(source: Source, topic: string): void;
  /** It is unsubscribed when no topic needs it any more. */
  release(source: Source, topic: string): void;
  /** Whether the server has confirmed it on this connection. */
  isConfirmed(source: Source): boolean;
  /** Starts anew on another connection, with everything that is wanted. */
  use(link: Link | undefined): void;
}

export interface SourcesOptions {
  /** Everything wanted by now is confirmed. */
  readonly onConfirmed: () => void;
  /** The connection failed. */
  readonly onFailure: (cause: Error) => void;
  /** The server refuses what these topics need, and they do not want it any more. */
  readonly onRefused: (topics: ReadonlySet<string>, cause: Error) => void;
}

export function createSources({ onConfirmed, onFailure, onRefused }: SourcesOptions): Sources {
  const wanted = new Map<string, Wanted>();
  const confirmed = new Map<string, Source>();
  let link: Link | undefined;
  let running: Promise<void> | undefined;

  const isConfirmed = (source: Source): boolean => confirmed.has(keyOf(source));
  const missing = (): Source[] =>
    [...wanted.values()].map(({ source }) => source).filter((each) => !isConfirmed(each));
  const idle = (): Source[] => [...confirmed.values()].filter((each) => !wanted.has(keyOf(each)));

  async function bringTogether(on: Link): Promise<void> {
    // A turn's worth of changes goes in one command.
    await Promise.resolve();
    while (on === link && missing().length + idle().length > 0) {
      for (const kind of KINDS) {
        const asked = missing().filter((each) => each.kind === kind);
        if (asked.length > 0) await subscribe(on, kind, asked);
        if (on !== link) return;
      }
      for (const kind of KINDS) {
        const gone = idle().filter((each) => each.kind === kind);
        for (const source of gone) confirmed.delete(keyOf(source));
        if (gone.length > 0) await on.unsubscribe(kind, gone.map(nameOf));
        if (on !== link) return;
      }
    }
  }

  async function subscribe(on: Link, kind: SourceKind, asked: readonly Source[]): Promise<void> {
    try {
      await on.subscribe(kind, asked.map(nameOf));
      if (on !== link) return;
      for (const source of asked) confirmed.set(keyOf(source), source);
    } catch (error) {
      if (on !== link || !isRefusal(error)) throw error;
      const [source, another] = asked;
      if (source && !another) {
        const topics = wanted.get(keyOf(source))?.topics;
        wanted.delete(keyOf(source));
        if (topics) onRefused(topics, error as Error);
        return;
      }
      // One of them was refused, and the others with it.
      for (const each of asked) await subscribe(on, kind, [each]);
    }
  }

  function start(): void {
    const on = link;
    if (!on || running || missing().length + idle().length === 0) return;
    const mine = bringTogether(on)
      .catch((error: unknown) => {
        if (on === link) onFailure(error as Error);
      })
      .finally(() => {
        if (running !== mine) return;
        running = undefined;
        start();
        if (!running && on === link) onConfirmed();
      });
    running = mine;
  }

  return {
    want(source, topic) {
      const key = keyOf(source);
      const needed = wanted.get(key) ?? { source, topics: new Set() };
      needed.topics.add(topic);
      wanted.set(key, needed);
      start();
      if (!running && isConfirmed(source)) onConfirmed();
    },
    release(source, topic) {
      const needed = wanted.get(keyOf(source));
      if (!needed?.topics.delete(topic) || needed.topics.size > 0) return;
      wanted.delete(keyOf(source));
      start();
    },
    isConfirmed,
    use(next) {
      link = next;
      // What ran on another connection may never come to an end.
      running = undefined;
      confirmed.clear();
      start();
    },
  };
}

interface Wanted {
  readonly source: Source;
  readonly topics: Set<string>;
}

const KINDS: readonly SourceKind[] = ["channel", "pattern", "shard"];

/** What the server answered, as against a connection that failed. */
function isRefusal(error: unknown): boolean {
  return /^(NOPERM|NOAUTH|ERR) /.test((error as Error).message);
}

function nameOf({ name }: Source): string {
  return name;
}

function keyOf({ kind, name }: Source): string {
  return `${kind} ${name}`;
}
