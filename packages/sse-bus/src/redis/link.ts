/**
 * One connection, for one life: it is replaced when it is lost, never reconnected by its client. So
 * nothing depends on how a client queues, repeats or subscribes again by itself.
 */
export interface Link {
  /** Sends one command. Never settles once the connection is lost: its owner hears of that. */
  send(args: readonly string[]): Promise<unknown>;
  subscribe(kind: SourceKind, names: readonly string[]): Promise<void>;
  unsubscribe(kind: SourceKind, names: readonly string[]): Promise<void>;
  /** Ends it at once. Idempotent. */
  destroy(): void;
}

export type SourceKind = "channel" | "pattern" | "shard";

/** What a connection tells its owner. */
export interface LinkEvents {
  message(channel: string, text: string): void;
  /** The connection is gone. Called at most once, and not after `destroy`. */
  lost(cause: Error): void;
}

/** How to get a connection of a user's client. */
export interface Connector {
  /** The logical database: pub/sub does not know it, so names must. */
  readonly database: number;
  readonly isCluster: boolean;
  /** Rejects when there is no connection within `timeoutMs`, and leaves nothing behind then. */
  connect(events: LinkEvents, timeoutMs: number): Promise<Link>;
}
