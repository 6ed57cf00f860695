/**
 * One connection to Redis. It is never reconnected: when it is lost, the backend opens another one.
 * So nothing depends on how a client library queues commands, repeats them or subscribes again.
 */
export interface RedisConnection {
  /** Sends one command. Never settles once the connection is lost; `ConnectionEvents.lost` reports that. */
  send(args: readonly string[]): Promise<unknown>;
  subscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void>;
  unsubscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void>;
  /** Ends the connection immediately. Idempotent. */
  destroy(): void;
}

/** SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE. */
export type SubscriptionKind = "channel" | "pattern" | "shard";

/** What a connection reports to its owner. */
export interface ConnectionEvents {
  message(channel: string, text: string): void;
  /** The connection is lost. Called at most once, and never after `destroy`. */
  lost(cause: Error): void;
}

/** Opens connections with the settings of a user's client. */
export interface RedisConnector {
  /** The logical database. Pub/sub ignores it, so the names of pub/sub channels contain it. */
  readonly database: number;
  readonly isCluster: boolean;
  /** Rejects when there is no connection within `timeoutMs`, and leaves nothing open then. */
  connect(events: ConnectionEvents, timeoutMs: number): Promise<RedisConnection>;
}
