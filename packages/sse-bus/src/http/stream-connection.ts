import type { Identity } from "./authorize.ts";
import { type ByeReason, type Connection, unregister } from "./connections.ts";
import type { Codec } from "../core/codec.ts";
import { closeReader, provenHead } from "../core/engine.ts";
import { resumeReader } from "../core/deliver.ts";
import { openReader, type Start } from "../core/open-reader.ts";
import type { Packet } from "../core/packet.ts";
import { pingReader } from "../core/ping.ts";
import { formatCursor } from "../core/position.ts";
import type { Reader } from "../core/cohort.ts";
import type { EndReason, Sink } from "../core/sink.ts";
import type { ByteSink, SinkKind, SinkOwner } from "./byte-sink.ts";
import type { Page } from "./page.ts";
import { type Expiry, type PermissionOwner, PermittedSink } from "./permitted-sink.ts";
import type { RouteContext } from "./route-context.ts";
import type { PresenceOfStream } from "./stream-presence.ts";
import { encodeBye, encodeHello, type Hello } from "./stream-blocks.ts";
import type { StreamSettings } from "./stream-options.ts";

/** One event stream: a reader, the sink its bytes go to, and the control events around its messages. */
export interface StreamConnection extends Connection {
  /** The beat of the route's pulse on which it is pinged. */
  beat: number;
  /** Opens the reader and sends `hello`. The sink must be one for what the codec encodes. */
  open(start: Start, codec?: Codec): Promise<void>;
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
  readonly identity: Identity | undefined;
  /** When the stream must end whatever happens, in ms since 1970. */
  readonly endsAt: number;
  /** Of the permission to read; `undefined` if it does not expire. */
  readonly expiry: Expiry | undefined;
  readonly openSink: (owner: SinkOwner) => ByteSink;
  /** What it has to do with presence, if it has. */
  readonly presence?: PresenceOfStream | undefined;
  /** It ends with a page instead of staying open. */
  readonly page?: Page | undefined;
}

/**
 * A class, unlike most of the package: a server holds tens of thousands of streams. Closures for the methods
 * of each would cost 1 KB per stream, and a cache miss per call on the hot path (docs/performance.md).
 */
export class EventStream implements StreamConnection, PermissionOwner {
  reader: Reader | undefined;
  beat = 0;
  readonly id: string;
  readonly channels: readonly string[];
  readonly openedAt: number;
  readonly ip: string | undefined;
  protected readonly route: StreamRoute;
  private readonly out: ByteSink;
  private readonly endsAt: number;
  /** Between the reader and `out` where the permission expires. */
  private readonly permitted: PermittedSink | undefined;
  /** When `checkDeadlines` first saw that the client reads nothing; 0 while it reads. */
  private blockedAt = 0;
  protected isOpen = true;
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

  get isAuthorized(): boolean {
    return this.route.settings.authorize !== undefined;
  }

  get isPage(): boolean {
    return false;
  }

  get needsRequest(): boolean {
    return this.permitted !== undefined;
  }

  get encoding(): string | undefined {
    return this.out.encoding;
  }

  sink(): SinkKind {
    return this.out.kind();
  }

  async open(start: Start, codec?: Codec): Promise<void> {
    const { context, settings } = this.route;
    const opened = await openReader(context.engine, {
      topics: this.topics(),
      start,
      sink: this.permitted ?? this.out,
      isLocal: false,
      codec,
      isReady: false,
      maxReplayBytes: settings.maxReplayBytes,
    });
    // Its start may be after a disconnect that arrived in this turn, and that has not been acted on yet.
    context.engine.local.flusher.flush();
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
    const isReady = this.send(encodeHello(this.completeHello(hello), retryMs));
    this.onStarted(opened.reader);
    if (isReady) this.onReady();
  }

  drop(reason: "client" | "error"): void {
    if (this.finish(reason)) this.out.close();
  }

  end(reason: ByeReason, afterMs: number): void {
    if (!this.finish(reason)) return;
    const nativeMs = this.nativeRetryMs(reason, afterMs);
    this.send(encodeBye({ reason, retryMs: afterMs }, { retryMs: nativeMs }), true);
    this.out.close(reason === "slow" ? SLOW_FAREWELL : undefined);
  }

  revoke(afterMs: number, code: string | undefined): void {
    if (!this.finish("revoked")) return;
    this.send(
      encodeBye({ reason: "revoked", retryMs: afterMs, ...(code !== undefined && { code }) }),
      true,
    );
    this.out.close(REVOKED_FAREWELL);
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
    this.resume(this.reader);
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
    if (this.reader && !this.permitted && !this.encoding) this.reader.sink = sink;
  }

  onDenied(): void {
    this.end("unauthorized", 0);
  }

  onReleased(packet: Packet): void {
    if (!this.isOpen || !this.reader) return;
    this.reader.ready = this.out.write(packet);
    if (this.reader.ready) this.resume(this.reader);
  }

  /** The channels, patterns and reserved channels that it reads. */
  protected topics(): readonly string[] {
    return this.channels;
  }

  protected completeHello(hello: Hello): Hello {
    return hello;
  }

  /** `hello` was sent, and nothing else yet. */
  protected onStarted(_reader: Reader): void {}

  /** The sink can take a packet. */
  protected resume(reader: Reader): void {
    resumeReader(reader);
  }

  protected onFinished(): void {}

  /** A native `EventSource`, which knows `retry:` only, gives up forever on a proxy's 502 during a restart. */
  protected nativeRetryMs(reason: ByeReason, afterMs: number): number {
    return afterMs + (reason === "drain" ? this.route.settings.drainRetryMs : 0);
  }

  /** @returns whether it was open */
  protected finish(reason: string): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    const { context } = this.route;
    if (this.reader) closeReader(context.engine, this.reader);
    unregister(context.connections, this, reason);
    this.route.onClose(this);
    this.onFinished();
    return true;
  }

  /** A `ping` after the replay of history is how the client learns that it has everything and is live. */
  private pingStarted(reader: Reader): void {
    // During a write, and with more to read, `onReady` is called again.
    if (!reader.ready || reader.isWriting || reader.state === "behind") return;
    // Messages published just before go first, and may fill the sink; then the ping is sent later.
    this.isStarting = !pingReader(this.route.context.engine, reader);
  }

  private send(block: Uint8Array, isLast = false): boolean {
    const { traffic } = this.route.context.engine;
    traffic.frames++;
    traffic.bytes += block.length;
    traffic.sent += block.length;
    if (this.reader) this.reader.bytes += block.length;
    return this.out.send(block, isLast);
  }
}

/** `bye` comes after everything that a slow client has still to read. This gives it time to get there. */
const SLOW_FAREWELL = { graceMs: 5000, isReset: false };

/** The client must not read, later, what was on its way when access was revoked. */
const REVOKED_FAREWELL = { graceMs: 500, isReset: true };

/** After a planned end clients reconnect at once, spread a little so that they do not all come together. */
const LIFETIME_SPREAD_MS = 250;
