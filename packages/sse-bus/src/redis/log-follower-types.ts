import type { BackendHost, Feed, TopicSubscription } from "../core/backend.ts";
import type { Cursor } from "../core/position.ts";
import type { RedisConnection } from "./connection.ts";
import type { RedisLogAccess } from "./history.ts";

/** Follows the log through pub/sub; see `createLogFollower`. */
export interface RedisLogFollower {
  /** The head: the newest position that is proven to be delivered. */
  readonly head: Cursor;
  /** The newest position seen, delivered or not. */
  readonly newestSeen: Cursor;
  /** Nothing is missing. */
  readonly isLive: boolean;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  /** A new connection; `undefined` when it is lost. */
  useConnection(connection: RedisConnection | undefined): void;
  receive(channel: string, text: string): void;
  /** A restart of the log was seen elsewhere. Resolves once the host knows about it. */
  restarted(): Promise<void>;
  /** A position was seen elsewhere, in the answer to a publish. */
  noteSeen(cursor: Cursor): void;
  close(cause: Error): void;
}

export interface RedisLogFollowerOptions {
  readonly access: RedisLogAccess;
  readonly host: BackendHost;
  /** The head of the log when the instance was opened. */
  readonly start: Cursor;
  readonly markMs: number;
  readonly timeoutMs: number;
  readonly waitMs: number;
  /** Ends the connection: it missed a message, or is dead. */
  readonly drop: (cause: Error) => void;
  /** `isLive` may have changed. */
  readonly onChange: () => void;
}
