import type { Reader } from "../core/cohort.ts";
import type { Identity } from "./authorize.ts";
import type { Hello } from "./stream-blocks.ts";
import {
  EventStream,
  type StreamConnectionOptions,
  type StreamRoute,
} from "./stream-connection.ts";
import type { PresenceOfStream } from "./stream-presence.ts";

/** A stream that makes its client a member, or sends the members of channels. */
export class PresentStream extends EventStream {
  readonly identity: Identity | undefined;
  readonly follows: readonly string[];
  protected readonly presence: PresenceOfStream;

  constructor(route: StreamRoute, options: StreamConnectionOptions, presence: PresenceOfStream) {
    super(route, options);
    this.identity = options.identity;
    this.follows = presence.follows;
    this.presence = presence;
  }

  protected override topics(): readonly string[] {
    this.presence.follow();
    return [...this.channels, ...this.presence.topics()];
  }

  protected override completeHello(hello: Hello): Hello {
    const { follows, identity } = this.presence;
    return { ...hello, presence: follows, ...(identity && { identity: identity.id }) };
  }

  protected override onStarted(reader: Reader): void {
    this.presence.start(this.id, reader, () => {
      this.end("lifetime", Math.round(Math.random() * LOSS_SPREAD_MS));
    });
  }

  protected override resume(reader: Reader): void {
    this.presence.resume(reader);
  }

  protected override onFinished(): void {
    this.presence.close(this.id);
  }
}

/** Presence events were lost: every client of a channel reconnects for the set of its members. */
const LOSS_SPREAD_MS = 2000;
