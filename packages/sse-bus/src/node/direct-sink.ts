import type { ServerResponse } from "node:http";
import { SseBusError } from "../core/errors.ts";
import type { Packet } from "../core/packet.ts";
import type {
  Farewell,
  OpenBodySink,
  SinkKind,
  SinkOwner,
  SinkSettings,
} from "../http/byte-sink.ts";
import { isFastPathOn, turnOff } from "../http/fast-paths.ts";
import { createWebSink, WebSink } from "../http/web-sink.ts";
import { currentExchange, type Exchange } from "./exchange.ts";
import { onQueuedGone } from "./response-gone.ts";
import { cutOffUnread, type ResponseWriter } from "./response-writer.ts";
import { canWriteBelow, isAboutToCarry } from "./undocumented/body-of-next.ts";
import { isAwaited, releaseHost } from "./undocumented/release-host.ts";
import { createSocketWriter } from "./undocumented/socket-writer.ts";

/**
 * The sink for a web-standard handler that runs on `node:http`. The host reads its body when it is about
 * to send it. From then on the bytes go straight to the socket, and the host gets `close`, as if the client had
 * disconnected, so that it keeps nothing for the stream. In every other case it stays a web stream.
 * `SSE_BUS_SINK=web` in the environment keeps every stream one.
 */
export const openDirectSink: OpenBodySink = (request, owner, settings) => {
  const exchange = currentExchange();
  if (!exchange) return createWebSink(request, owner);
  const sink = process.env.SSE_BUS_SINK === "web" ? "web" : settings.sink;
  const direct = new DirectSink(exchange, request.signal, owner, { ...settings, sink });
  return { sink: direct, body: direct.createBody() };
};

const WRAPPED =
  "`compress` is set, and the stream is read before its response is sent. Return the response of the route as it is, or leave `compress` out.";

/** Responses that a stream writes to directly: no second stream may write to the same one. */
const taken = new WeakSet<ServerResponse>();

/**
 * ```text
 * unread ──▶ web                        the body is read; bytes go through it
 *    └─────▶ direct ──▶ released        bytes go to the socket; then the host releases the request, too
 * any ─────▶ closed
 * ```
 */
type Phase = "unread" | "web" | "direct" | "released" | "closed";

class DirectSink extends WebSink {
  private readonly response: ServerResponse;
  private readonly watchers: Exchange["watchers"];
  private readonly settings: SinkSettings;
  private phase: Phase = "unread";
  private writer: ResponseWriter | undefined;
  /** The response carries this stream, and not one that was read by the application itself. */
  private isCarrier = false;
  /** What is sent before the body is first read. */
  private first: Uint8Array[] | undefined = [];

  constructor(
    { response, watchers }: Exchange,
    signal: AbortSignal,
    owner: SinkOwner,
    settings: SinkSettings,
  ) {
    super(signal, owner);
    this.response = response;
    this.watchers = watchers;
    this.settings = settings;
  }

  override write(packet: Packet): boolean {
    return this.writer ? this.writer.write(packet) : super.write(packet);
  }

  override send(bytes: Uint8Array): boolean {
    // Kept: a body that already holds bytes when it is first read is not pulled then, and the first
    // pull is what says that the response is about to be sent.
    if (this.first) this.first.push(bytes);
    else if (this.writer) this.writer.send(bytes);
    else super.send(bytes);
    return false;
  }

  override close(farewell?: Farewell): void {
    const { phase, response } = this;
    if (phase === "closed") return;
    this.phase = "closed";
    this.writer?.release();
    this.sendFirst();
    super.close(farewell);
    if (phase === "released") response.end();
    if (this.isCarrier) cutOffUnread(response, farewell);
  }

  override kind(): SinkKind {
    return this.writer ? "direct" : "web";
  }

  protected override pull(): void {
    if (this.phase === "unread") this.onFirstRead();
    else this.owner.onReady();
  }

  protected override handleCancel(): void {
    if (this.phase !== "released") this.owner.onCancel();
  }

  protected override handleGone(): void {
    if (this.phase === "released") this.checkRelease();
    this.owner.onCancel();
  }

  private onFirstRead(): void {
    const { socket } = this.response;
    // Head and `hello` in one system call.
    socket?.cork();
    this.isCarrier = isAboutToCarry(this.response);
    this.tellEncoding();
    if (this.isCarrier) onQueuedGone(this.response, this.onGone);
    const isWanted = this.settings.sink === "auto" && isFastPathOn("direct-sink");
    this.writer = this.isCarrier && isWanted ? this.openWriter() : undefined;
    this.phase = this.writer ? "direct" : "web";
    this.sendFirst();
    socket?.uncork();
    if (!this.writer) return;
    this.owner.onShortcut(this.writer);
    this.release();
    this.owner.onReady();
  }

  /** The host may leave the header out (Next.js 16.4), and the client would read compressed bytes as text. */
  private tellEncoding(): void {
    const { encoding } = this.owner;
    if (encoding === undefined) return;
    if (this.isCarrier) {
      this.response.setHeader("Content-Encoding", encoding);
      return;
    }
    this.response.socket?.uncork();
    this.owner.onCancel();
    throw new SseBusError("INVALID_OPTION", WRAPPED);
  }

  private sendFirst(): void {
    const { first = [] } = this;
    this.first = undefined;
    for (const bytes of first) this.send(bytes);
  }

  private openWriter(): ResponseWriter | undefined {
    const { response, settings, owner } = this;
    response.flushHeaders();
    if (!canWriteBelow(response, owner.encoding) || taken.has(response)) return undefined;
    const writer = createSocketWriter(response, settings.maxInFlightBytes, owner);
    if (!writer) return undefined;
    taken.add(response);
    response.on("finish", this.onGone);
    return writer;
  }

  /**
   * Makes the host release the request. From here on no reference may lead from this sink to the body or
   * the signal: everything that Next keeps for a request is reachable from them.
   */
  private release(): void {
    const { signal, response, watchers, owner } = this;
    if (!signal || !watchers || owner.needsRequest || !isFastPathOn("host-release")) return;
    // The host's `close` must not look to this sink as if the client had disconnected.
    signal.removeEventListener("abort", this.onGone);
    this.phase = "released";
    if (isAwaited(signal) || !releaseHost(response, watchers)) {
      this.phase = "direct";
      signal.addEventListener("abort", this.onGone);
      return;
    }
    response.on("close", this.onGone);
    this.signal = this.controller = undefined;
  }

  /** A host that ends a released response would end every other one too: the release is turned off. */
  private checkRelease(): void {
    if (!this.response.writableEnded) return;
    turnOff("host-release", "Next.js ended a response after its emitted `close`");
  }
}
