import type { RedisConnection, SubscriptionKind } from "./connection.ts";
import type { PubSubName } from "./keys.ts";

/**
 * The pub/sub channels and patterns that an instance is subscribed to. It compares what is needed
 * with what the server has confirmed, and sends the difference, one command after the other. So
 * closing a topic and subscribing to it again at once cannot end with its own UNSUBSCRIBE.
 */
export interface PubSubSubscriptions {
  /** Several topics may need the same name. `onConfirmed` follows, also if it is already confirmed. */
  add(name: PubSubName, topic: string): void;
  /** Unsubscribes when no topic needs the name any longer. */
  remove(name: PubSubName, topic: string): void;
  /** Whether the server has confirmed the subscription on this connection. */
  isConfirmed(name: PubSubName): boolean;
  /** Subscribes to everything needed on another connection. */
  useConnection(connection: RedisConnection | undefined): void;
}

export interface PubSubSubscriptionsOptions {
  /** Everything needed is confirmed. */
  readonly onConfirmed: () => void;
  /** The connection failed. */
  readonly onFailure: (cause: Error) => void;
  /** The server refused a subscription. These topics are removed from it. */
  readonly onRefused: (topics: ReadonlySet<string>, cause: Error) => void;
}

export function createPubSubSubscriptions({
  onConfirmed,
  onFailure,
  onRefused,
}: PubSubSubscriptionsOptions): PubSubSubscriptions {
  const needed = new Map<string, NeededName>();
  const confirmed = new Map<string, PubSubName>();
  let connection: RedisConnection | undefined;
  let running: Promise<void> | undefined;

  const isConfirmed = (name: PubSubName): boolean => confirmed.has(keyOf(name));
  const toSubscribe = (): PubSubName[] =>
    [...needed.values()].map(({ name }) => name).filter((each) => !isConfirmed(each));
  const toUnsubscribe = (): PubSubName[] =>
    [...confirmed.values()].filter((each) => !needed.has(keyOf(each)));
  const isSettled = (): boolean => toSubscribe().length + toUnsubscribe().length === 0;

  async function sendDifference(on: RedisConnection): Promise<void> {
    // All changes of one turn go into one command.
    await Promise.resolve();
    while (on === connection && !isSettled()) {
      for (const kind of KINDS) {
        const names = toSubscribe().filter((each) => each.kind === kind);
        if (names.length > 0) await subscribe(on, kind, names);
        if (on !== connection) return;
      }
      for (const kind of KINDS) {
        const names = toUnsubscribe().filter((each) => each.kind === kind);
        for (const name of names) confirmed.delete(keyOf(name));
        if (names.length > 0) await on.unsubscribe(kind, names.map(textOf));
        if (on !== connection) return;
      }
    }
  }

  async function subscribe(
    on: RedisConnection,
    kind: SubscriptionKind,
    names: readonly PubSubName[],
  ): Promise<void> {
    try {
      await on.subscribe(kind, names.map(textOf));
      if (on !== connection) return;
      for (const name of names) confirmed.set(keyOf(name), name);
    } catch (error) {
      if (on !== connection || !isRefusal(error)) throw error;
      const [name, another] = names;
      if (name && !another) {
        const topics = needed.get(keyOf(name))?.topics;
        needed.delete(keyOf(name));
        if (topics) onRefused(topics, error as Error);
        return;
      }
      // One refused name fails the whole command: try each name alone.
      for (const each of names) await subscribe(on, kind, [each]);
    }
  }

  function start(): void {
    const on = connection;
    if (!on || running || isSettled()) return;
    const mine = sendDifference(on)
      .catch((error: unknown) => {
        if (on === connection) onFailure(error as Error);
      })
      .finally(() => {
        if (running !== mine) return;
        running = undefined;
        start();
        if (!running && on === connection) onConfirmed();
      });
    running = mine;
  }

  return {
    add(name, topic) {
      const key = keyOf(name);
      const entry = needed.get(key) ?? { name, topics: new Set() };
      entry.topics.add(topic);
      needed.set(key, entry);
      start();
      if (!running && isConfirmed(name)) onConfirmed();
    },
    remove(name, topic) {
      const entry = needed.get(keyOf(name));
      if (!entry?.topics.delete(topic) || entry.topics.size > 0) return;
      needed.delete(keyOf(name));
      start();
    },
    isConfirmed,
    useConnection(next) {
      connection = next;
      // Commands on the previous connection may never settle.
      running = undefined;
      confirmed.clear();
      start();
    },
  };
}

interface NeededName {
  readonly name: PubSubName;
  readonly topics: Set<string>;
}

const KINDS: readonly SubscriptionKind[] = ["channel", "pattern", "shard"];

/** The server answered with a refusal; otherwise the connection failed. */
function isRefusal(error: unknown): boolean {
  return /^(NOPERM|NOAUTH|ERR) /.test((error as Error).message);
}

function textOf({ name }: PubSubName): string {
  return name;
}

function keyOf({ kind, name }: PubSubName): string {
  return `${kind} ${name}`;
}
