import { type ByeReason, type Connection, register, unregister } from "./connections.ts";
import { closeReader, provenHead } from "../core/engine.ts";
import { openReader, resumeReader, type Start } from "../core/open-reader.ts";
import type { Packet } from "../core/packet.ts";
import { pingReaders } from "../core/ping.ts";
import { formatCursor } from "../core/position.ts";
import type { EndReason, Reader, Sink } from "../core/reader.ts";
import type { ByteSink, SinkKind, SinkOwner } from "./byte-sink.ts";
import type { RouteContext } from "./route-context.ts";
import { encodeBye, encodeHello } from "./stream-blocks.ts";
import type { StreamSettings } from "./stream-options.ts";

/** One event stream: a reader, the sink its bytes go to, and the blocks around its messages. */
export interface StreamConnection extends Connection {
  /** The beat of the route's pulse on which it is pinged. */
  beat: number;
  /** Opens the reader and sends `hello`. */
  open(start: Start): Promise<void>;
  /** The client left, or the request failed. Idempotent. */
  drop(reason: "client" | "error"): void;
  /** Ends the stream when it is too old, too slow, or no longer allowed. */
  checkDeadlines(now: number): void;
}

/** What all streams of a route share. */
export interface StreamRoute {
  readonly context: RouteContext;
  readonly settings: StreamSettings;
  onClose(connection: StreamConnection): void;
}

export interface StreamConnectionOptions {
  readonly topics: readonly string[];
  readonly ip: string | undefined;
  /** When the stream must end whatever happens, in ms since 1970. */
  readonly endsAt: number;
  /** When the permission to read ends. */
  readonly expiresAt: number;
  /** Asks for permission anew; the time it now lasts until, or `undefined` for no. */
  readonly renew: (() => Promise<number | undefined>) | undefined;
  readonly openSink: (owner: SinkOwner) => ByteSink;
}

export function createStreamConnection(
  route: StreamRoute,
  options: StreamConnectionOptions,
): StreamConnection {
  const connection = new EventStream(route, options);
  register(route.context.connections, connection);
  return connection;
}

/**
 * A class, unlike the rest: a server holds tens of thousands of these, and a function of its own for
 * each method of each would cost 1 KB a connection, and a cache miss for each call on the way of a
 * packet (docs/performance.md).
 */
class EventStream implements StreamConnection, SinkOwner {
  reader: Reader | undefined;
  beat = 0;
  readonly id: string;
  readonly channels: readonly string[];
  readonly openedAt: number;
  readonly ip: string | undefined;
  private readonly route: StreamRoute;
  private readonly out: ByteSink;
  private readonly endsAt: number;
  private readonly renew: (() => Promise<number | undefined>) | undefined;
  private expiresAt: number;
  /** Since when the client has taken nothing, as far as the deadlines have seen; 0 while it takes. */
  private blockedAt = 0;
  /** Came after the permission to read had run out; waits for its renewal. */
  private held: Packet | undefined;
  private isOpen = true;
  private isRenewing = false;
  /** It began from what is kept, and has not been told yet that it was handed all of it. */
  private isStarting = false;

  constructor(route: StreamRoute, options: StreamConnectionOptions) {
    this.route = route;
    this.id = crypto.randomUUID();
    this.channels = options.topics;
    this.openedAt = Date.now();
    this.ip = options.ip;
    this.endsAt = options.endsAt;
    this.expiresAt = options.expiresAt;
    this.renew = options.renew;
    this.out = options.openSink(this);
  }

  get needsRequest(): boolean {
    return this.isTemporary();
  }

  sink(): SinkKind {
    return this.out.kind();
  }

  async open(start: Start): Promise<void> {
    const { context, settings } = this.route;
    const opened = await openReader(context.engine, {
      topics: this.channels,
      start,
      sink: this.isTemporary() ? this.permittedSink() : this.out,
      isLocal: false,
      isReady: false,
      maxReplayBytes: settings.maxReplayBytes,
    });
    if (!this.isOpen) {
      closeReader(context.engine, opened.reader);
      return;
    }
    this.reader = opened.reader;
    const { heartbeatMs, retryMs } = settings;
    const { id: connection, channels } = this;
    const { cursor, resumed } = opened;
    const now = provenHead(context.engine);
    const head = formatCursor(now, now.epoch);
    this.isStarting = start === "latest" || start === "earliest";
    // The reader is not ready yet: hello comes before anything that it would write.
    const hello = { connection, channels, cursor, head, resumed, heartbeatMs };
    if (this.send(encodeHello(hello, retryMs))) this.onReady();
  }

  drop(reason: "client" | "error"): void {
    if (this.finish(reason)) this.out.close();
  }

  end(reason: ByeReason, afterMs: number): void {
    if (!this.finish(reason)) return;
    // Clients that know `retry:` only give up for ever on a proxy's 502 while the server restarts.
    const nativeMs = afterMs + (reason === "drain" ? this.route.settings.drainRetryMs : 0);
    this.send(encodeBye({ reason, retryMs: afterMs }, { retryMs: nativeMs }));
    this.out.close(reason === "slow" ? SLOW_GRACE_MS : undefined);
  }

  checkDeadlines(now: number): void {
    const { settings } = this.route;
    if (!this.reader || this.reader.ready || this.held) this.blockedAt = 0;
    else if (this.blockedAt === 0) this.blockedAt = now;
    if (now >= this.endsAt) {
      this.end("lifetime", Math.round(Math.random() * LIFETIME_SPREAD_MS));
    } else if (this.blockedAt > 0 && now - this.blockedAt >= settings.writeTimeoutMs) {
      this.end("slow", settings.retryMs);
    } else if (now >= this.expiresAt && !this.isRenewing) {
      void this.renewPermission();
    }
  }

  onReady(): void {
    this.blockedAt = 0;
    if (!this.reader || this.held) return;
    resumeReader(this.reader);
    if (this.isStarting) this.tellStarted(this.reader);
  }

  onCancel(): void {
    this.drop("client");
  }

  onEnd(reason: EndReason): void {
    if (reason === "closed") this.end("drain", this.route.settings.retryMs);
    else this.drop("error");
  }

  onShortcut(sink: Sink): void {
    if (this.reader && !this.isTemporary()) this.reader.sink = sink;
  }

  private finish(reason: string): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    const { context } = this.route;
    if (this.reader) closeReader(context.engine, this.reader);
    unregister(context.connections, this, reason);
    this.route.onClose(this);
    return true;
  }

  /** Whoever began from what is kept cannot know otherwise that it has it all, and is live. */
  private tellStarted(reader: Reader): void {
    // Within a write, or with more to read, the sink will be ready once more.
    if (!reader.ready || reader.isWriting || reader.state === "behind") return;
    // What was published a moment ago goes first, and may be all that it can take now.
    this.isStarting = pingReaders(this.route.context.engine, [reader]) === 0;
  }

  private send(block: Uint8Array): boolean {
    const { traffic } = this.route.context.engine;
    traffic.frames++;
    traffic.bytes += block.length;
    if (this.reader) this.reader.bytes += block.length;
    return this.out.send(block);
  }

  private isTemporary(): boolean {
    return this.expiresAt !== Number.POSITIVE_INFINITY;
  }

  /** Not one byte that was not allowed any more: the next heartbeat, which ends the stream, is late. */
  private permittedSink(): Sink {
    return {
      write: (packet) => {
        if (Date.now() < this.expiresAt) return this.out.write(packet);
        this.held = packet;
        if (!this.isRenewing) void this.renewPermission();
        return false;
      },
      end: (reason) => this.onEnd(reason),
    };
  }

  private async renewPermission(): Promise<void> {
    this.isRenewing = true;
    const until = await this.renew?.();
    this.isRenewing = false;
    if (until === undefined || until <= Date.now()) {
      this.end("unauthorized", 0);
      return;
    }
    this.expiresAt = until;
    if (!this.isOpen || !this.reader || !this.held) return;
    const packet = this.held;
    this.held = undefined;
    this.reader.ready = this.out.write(packet);
    if (this.reader.ready) resumeReader(this.reader);
  }
}

/** `bye` waits behind what a slow client has still to read: one that reads on must come that far. */
const SLOW_GRACE_MS = 5000;

/** A planned end costs the client no wait; only enough spread that not all return in one instant. */
const LIFETIME_SPREAD_MS = 250;
