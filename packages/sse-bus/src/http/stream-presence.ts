import type { Reader } from "../core/cohort.ts";
import { deliver, resumeReader } from "../core/deliver.ts";
import type { Packet } from "../core/packet.ts";
import { presenceChannel } from "../core/presence/contribution.ts";
import type { Follower } from "../core/presence/follower.ts";
import { type Followed, type Presence, presenceOf } from "../core/presence/presence.ts";
import { isReaderClosed } from "../core/reader-state.ts";
import type { Identity } from "./authorize.ts";
import { hasPresence, type PresenceSettings } from "./presence-options.ts";
import type { RouteContext } from "./route-context.ts";

/** Presence of a route's streams. */
export interface RoutePresence {
  readonly settings: PresenceSettings;
  /** What a stream has to do with presence; `undefined` if it has nothing to do with it. */
  forStream(stream: StreamOfRoute): PresenceOfStream | undefined;
}

export interface StreamOfRoute {
  /** The channels and patterns that it delivers. */
  readonly topics: readonly string[];
  /** The channels whose presence it delivers. */
  readonly follows: readonly string[];
  readonly identity: Identity | undefined;
}

/** The presence of a route; it costs nothing before its first stream. */
export function createRoutePresence(
  context: RouteContext,
  settings: PresenceSettings,
): RoutePresence {
  let presence: Presence | undefined;

  function opened(): Presence {
    if (presence) return presence;
    presence = presenceOf(context);
    presence.noteGrace(settings.graceMs);
    // Not awaited: what others ask from now on is answered once the channel is live.
    presence.open().catch(() => {});
    return presence;
  }

  return {
    settings,
    forStream({ topics, follows, identity }) {
      const joins = identity ? topics.filter((topic) => hasPresence(settings, topic)) : [];
      if (joins.length === 0 && follows.length === 0) return undefined;
      const { graceMs } = settings;
      return new StreamPresence(opened(), { joins, follows, identity, graceMs });
    },
  };
}

/** What a stream does with its presence. */
export interface PresenceOfStream {
  readonly follows: readonly string[];
  readonly identity: Identity | undefined;
  /** The reserved channels that the stream reads besides its own. */
  topics(): readonly string[];
  /**
   * The subscriptions begin before the reader opens, so that the set has everything that the reader starts after.
   * Idempotent.
   */
  follow(): void;
  /** Follows, and resolves when the sets are known, or nobody waits for the rest of them any longer. */
  ready(): Promise<void>;
  /** The stream is open. Its `hello` is sent, and nothing else yet. */
  start(connection: string, reader: Reader, onLoss: () => void): void;
  /** The sink can take a packet. Members go first, then the messages. */
  resume(reader: Reader): void;
  close(connection: string): void;
}

/** That of a stream which has nothing to do with presence. */
export const NO_PRESENCE: PresenceOfStream = {
  follows: [],
  identity: undefined,
  topics: () => [],
  follow() {},
  ready: async () => {},
  start() {},
  resume: resumeReader,
  close() {},
};

interface StreamPresenceOptions {
  /** The channels on which its client is a member. */
  readonly joins: readonly string[];
  readonly follows: readonly string[];
  readonly identity: Identity | undefined;
  readonly graceMs: number;
}

/** The presence of one stream: makes its client a member, and sends the members of the channels it follows. */
class StreamPresence implements PresenceOfStream {
  readonly follows: readonly string[];
  readonly identity: Identity | undefined;
  private readonly presence: Presence;
  private readonly joins: readonly string[];
  private readonly graceMs: number;
  private followed: readonly Followed[] = [];
  /** Ends what {@link start} has registered with the followers. */
  private stops: readonly (() => void)[] = [];
  /** Frames that were not sent yet. They are shared with other streams. */
  private queue: readonly Packet[] = [];
  private isOpen = true;

  constructor(presence: Presence, options: StreamPresenceOptions) {
    this.presence = presence;
    this.joins = options.joins;
    this.follows = options.follows;
    this.identity = options.identity;
    this.graceMs = options.graceMs;
  }

  topics(): readonly string[] {
    return this.follows.map(presenceChannel);
  }

  follow(): void {
    if (this.followed.length > 0) return;
    this.followed = this.follows.map((channel) => this.presence.follow(channel));
  }

  async ready(): Promise<void> {
    this.follow();
    await Promise.all(this.followed.map(async ({ follower }) => follower.ready()));
  }

  start(connection: string, reader: Reader, onLoss: () => void): void {
    const { identity, joins, graceMs } = this;
    if (identity && joins.length > 0) {
      this.presence.local.open({ connection, identity, channels: joins, graceMs });
    }
    this.stops = this.followed.map(({ follower }) => {
      const sendAgain = (): void => this.sendSet(follower, reader);
      follower.onLoss.add(onLoss);
      follower.onLateAnswer.add(sendAgain);
      return () => {
        follower.onLoss.delete(onLoss);
        follower.onLateAnswer.delete(sendAgain);
      };
    });
    for (const { follower } of this.followed) {
      if (follower.isReady) this.queue = [...this.queue, ...follower.packets()];
      else void this.sendLater(follower, reader);
    }
  }

  resume(reader: Reader): void {
    if (this.queue.length > 0 && !this.sendQueued(reader)) return;
    resumeReader(reader);
  }

  close(connection: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.queue = [];
    this.presence.local.close(connection);
    for (const stop of this.stops) stop();
    for (const { release } of this.followed) release();
    this.stops = [];
    this.followed = [];
  }

  private async sendLater(follower: Follower, reader: Reader): Promise<void> {
    try {
      await follower.ready();
    } catch {
      // The bus closes, and the stream with it.
      return;
    }
    this.sendSet(follower, reader);
  }

  private sendSet(follower: Follower, reader: Reader): void {
    if (!this.isOpen) return;
    this.queue = [...this.queue, ...follower.packets()];
    if (reader.ready && !reader.isWriting) this.resume(reader);
  }

  /** @returns whether everything was sent, and the sink can take more */
  private sendQueued(reader: Reader): boolean {
    reader.ready = true;
    // During a write, the code that writes continues by itself; what is queued waits for the next time.
    if (reader.isWriting) return false;
    while (this.queue.length > 0 && reader.ready && !isReaderClosed(reader)) {
      const [packet] = this.queue;
      this.queue = this.queue.slice(1);
      deliver(reader, packet as Packet);
    }
    return reader.ready && !isReaderClosed(reader);
  }
}
