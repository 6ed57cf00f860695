import { type ByeReason, type Connection, register, unregister } from "./connections.ts";
import { closeReader, provenHead } from "../core/engine.ts";
import { resumeReader } from "../core/deliver.ts";
import { openReader, type Start } from "../core/open-reader.ts";
import type { Packet } from "../core/packet.ts";
import { pingReaders } from "../core/ping.ts";
import { formatCursor } from "../core/position.ts";
import type { Reader } from "../core/cohort.ts";
import type { EndReason, Sink } from "../core/sink.ts";
import type { ByteSink, SinkKind, SinkOwner } from "./byte-sink.ts";
import { type Expiry, type PermissionOwner, PermittedSink } from "./permitted-sink.ts";
import type { RouteContext } from "./route-context.ts";
import { encodeBye, encodeHello } from "./stream-blocks.ts";
import type { StreamSettings } from "./stream-options.ts";

/** One event stream: a reader, the sink its bytes go to, and the control events around its messages. */
export interface StreamConnection extends Connection {
  /** The beat of the route's pulse on which it is pinged. */
  beat: number;
  /** Opens the reader and sends `hello`. */
  open(start: Start): Promise<void>;
  /** The client disconnected, or the request failed. Idempotent. */
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
  /** Of the permission to read; `undefined` if it does not expire. */
  readonly expiry: Expiry | undefined;
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
 * A class, unlike most of the package: a server holds tens of thousands of streams. Closures for the methods
 * of each would cost 1 KB per stream, and a cache miss per call on the hot path (docs/performance.md).
 */
class EventStream implements StreamConnection, PermissionOwner {
  reader: Reader | undefined;
  beat = 0;
  readonly id: string;
  readonly channels: readonly string[];
  readonly openedAt: number;
  readonly ip: string | undefined;
  private readonly route: StreamRoute;
  private readonly out: ByteSink;
  private readonly endsAt: number;
  /** Between the reader and `out` where the permission expires. */
  private readonly permitted: PermittedSink | undefined;
  /** When `checkDeadlines` first saw that the client reads nothing; 0 while it reads. */
  private blockedAt = 0;
  private isOpen = true;
  /** It replays history, and the `ping` after the replay has not been sent yet. */
  private isStarting = false;

  constructor(route: StreamRoute, options: StreamConnectionOptions) {
    this.route = route;
    this.id = crypto.randomUUID();
    this.channels = options.topics;
    this.openedAt = Date.now();
    this.ip = options.ip;
    this.endsAt = options.endsAt;
    this.out = options.openSink(this);
    this.permitted = options.expiry && new PermittedSink(this.out, this, options.expiry);
  }

  get needsRequest(): boolean {
    return this.permitted !== undefined;
  }

  sink(): SinkKind {
    return this.out.kind();
  }

  async open(start: Start): Promise<void> {
    const { context, settings } = this.route;
    const opened = await openReader(context.engine, {
      topics: this.channels,
      start,
      sink: this.permitted ?? this.out,
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
    // The reader is not ready yet, so nothing can be written before `hello`.
    const hello = { connection, channels, cursor, head, resumed, heartbeatMs };
    if (this.send(encodeHello(hello, retryMs))) this.onReady();
  }

  drop(reason: "client" | "error"): void {
    if (this.finish(reason)) this.out.close();
  }

  end(reason: ByeReason, afterMs: number): void {
    if (!this.finish(reason)) return;
    // A native `EventSource`, which knows `retry:` only, gives up for ever on a proxy's 502 during a restart.
    const nativeMs = afterMs + (reason === "drain" ? this.route.settings.drainRetryMs : 0);
    this.send(encodeBye({ reason, retryMs: afterMs }, { retryMs: nativeMs }));
    this.out.close(reason === "slow" ? SLOW_GRACE_MS : undefined);
  }

  checkDeadlines(now: number): void {
    const { settings } = this.route;
    if (!this.reader || this.reader.ready || this.permitted?.isHolding) this.blockedAt = 0;
    else if (this.blockedAt === 0) this.blockedAt = now;
    if (now >= this.endsAt) {
      this.end("lifetime", Math.round(Math.random() * LIFETIME_SPREAD_MS));
    } else if (this.blockedAt > 0 && now - this.blockedAt >= settings.writeTimeoutMs) {
      this.end("slow", settings.retryMs);
    } else {
      this.permitted?.renewIfExpired(now);
    }
  }

  onReady(): void {
    this.blockedAt = 0;
    if (!this.reader || this.permitted?.isHolding) return;
    resumeReader(this.reader);
    if (this.isStarting) this.pingStarted(this.reader);
  }

  onCancel(): void {
    this.drop("client");
  }

  onEnd(reason: EndReason): void {
    if (reason === "closed") this.end("drain", this.route.settings.retryMs);
    else this.drop("error");
  }

  onShortcut(sink: Sink): void {
    if (this.reader && !this.permitted) this.reader.sink = sink;
  }

  onDenied(): void {
    this.end("unauthorized", 0);
  }

  onReleased(packet: Packet): void {
    if (!this.isOpen || !this.reader) return;
    this.reader.ready = this.out.write(packet);
    if (this.reader.ready) resumeReader(this.reader);
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

  /** A `ping` after the replay of history is how the client learns that it has everything and is live. */
  private pingStarted(reader: Reader): void {
    // During a write, and with more to read, `onReady` is called again.
    if (!reader.ready || reader.isWriting || reader.state === "behind") return;
    // Messages published just before go first, and may fill the sink; then the ping is sent later.
    this.isStarting = pingReaders(this.route.context.engine, [reader]) === 0;
  }

  private send(block: Uint8Array): boolean {
    const { traffic } = this.route.context.engine;
    traffic.frames++;
    traffic.bytes += block.length;
    if (this.reader) this.reader.bytes += block.length;
    return this.out.send(block);
  }
}

/** `bye` comes after everything that a slow client has still to read. This gives it time to get there. */
const SLOW_GRACE_MS = 5000;

/** After a planned end clients reconnect at once, spread a little so that they do not all come together. */
const LIFETIME_SPREAD_MS = 250;
