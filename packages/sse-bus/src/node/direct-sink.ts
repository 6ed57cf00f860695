import type { ServerResponse } from "node:http";
import { isFastPathOn, turnOff } from "../http/fast-paths.ts";
import { type Packet, packetBytes } from "../core/packet.ts";
import type { EndReason } from "../core/reader.ts";
import type {
  ByteSink,
  OpenBodySink,
  SinkKind,
  SinkOwner,
  SinkSettings,
} from "../http/byte-sink.ts";
import { createWebSink } from "../http/web-sink.ts";
import { currentExchange, type Exchange } from "./exchange.ts";
import { isAwaited, releaseHost } from "./undocumented/release-host.ts";
import { createSocketWriter, cutOffUnread, type ResponseWriter } from "./response-writer.ts";

/**
 * The sink for a web-standard handler on `node:http`. Its body is read once the host is about to send
 * it: then the bytes go straight to the socket, and the host is told that the client has left, so that
 * it keeps nothing for the stream. Whenever anything is off it stays a web stream;
 * `SSE_BUS_SINK=web` in the environment keeps every stream one.
 */
export const openDirectSink: OpenBodySink = (request, owner, settings) => {
  const exchange = currentExchange();
  if (!exchange) return createWebSink(request, owner);
  const sink = process.env.SSE_BUS_SINK === "web" ? "web" : settings.sink;
  const direct = new DirectSink(exchange, request.signal, owner, { ...settings, sink });
  return { sink: direct, body: direct.createBody() };
};

/** Responses that a stream writes to directly: a second one on the same must not. */
const taken = new WeakSet<ServerResponse>();

/**
 * `fresh`: nobody has read yet. `web`, `direct`: how the bytes go. `alone`: directly, and the host has
 * let go.
 */
type Phase = "fresh" | "web" | "direct" | "alone" | "closed";

/** A class for the same reason as `EventStream` is one. It must not hold its body: see `leaveHost`. */
class DirectSink implements ByteSink {
  private readonly response: ServerResponse;
  private readonly watchers: Exchange["watchers"];
  private readonly owner: SinkOwner;
  private readonly settings: SinkSettings;
  private signal: AbortSignal | undefined;
  private phase: Phase = "fresh";
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  private writer: ResponseWriter | undefined;
  /** The response is known to carry this stream, and not one that was read on its behalf. */
  private isCarrier = false;
  private first: Uint8Array[] | undefined = [];
  private readonly onGone = (): void => {
    if (this.phase === "alone") this.checkRelease();
    this.owner.onCancel();
  };

  constructor(
    { response, watchers }: Exchange,
    signal: AbortSignal,
    owner: SinkOwner,
    settings: SinkSettings,
  ) {
    this.response = response;
    this.watchers = watchers;
    this.signal = signal;
    this.owner = owner;
    this.settings = settings;
    // Not the response's `close`: whoever reads the stream for itself brings a request of its own.
    signal.addEventListener("abort", this.onGone);
  }

  createBody(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => this.pull(),
        cancel: () => {
          // From here on the controller throws at every call (ERR_INVALID_STATE).
          this.controller = undefined;
          if (this.phase !== "alone") this.owner.onCancel();
        },
      },
      { highWaterMark: 0 },
    );
  }

  write(packet: Packet): boolean {
    if (this.writer) return this.writer.write(packet);
    this.controller?.enqueue(packetBytes(packet));
    return false;
  }

  send(bytes: Uint8Array): boolean {
    // A stream that already holds something when it is first read is not pulled, and would not
    // learn of its first reading.
    if (this.first) this.first.push(bytes);
    else if (this.writer) this.writer.send(bytes);
    else this.controller?.enqueue(bytes);
    return false;
  }

  end(reason: EndReason): void {
    this.owner.onEnd(reason);
  }

  close(graceMs?: number): void {
    const { phase, response } = this;
    if (phase === "closed") return;
    this.phase = "closed";
    this.signal?.removeEventListener("abort", this.onGone);
    this.writer?.release();
    this.sendFirst();
    this.controller?.close();
    this.controller = undefined;
    if (phase === "alone") response.end();
    if (this.isCarrier) cutOffUnread(response, graceMs);
  }

  kind(): SinkKind {
    return this.writer ? "direct" : "web";
  }

  private pull(): void {
    if (this.phase !== "fresh") {
      this.owner.onReady();
      return;
    }
    const { socket } = this.response;
    // Head and `hello` in one system call.
    socket?.cork();
    this.isCarrier = isAboutToCarry(this.response);
    const isWanted = this.settings.sink === "auto" && isFastPathOn("direct-sink");
    this.writer = this.isCarrier && isWanted ? this.takeOver() : undefined;
    this.phase = this.writer ? "direct" : "web";
    this.sendFirst();
    socket?.uncork();
    if (!this.writer) return;
    this.owner.onShortcut(this.writer);
    this.leaveHost();
    this.owner.onReady();
  }

  private sendFirst(): void {
    const { first = [] } = this;
    this.first = undefined;
    for (const bytes of first) this.send(bytes);
  }

  private takeOver(): ResponseWriter | undefined {
    const { response, settings, owner } = this;
    response.flushHeaders();
    if (!isOurs(response)) return undefined;
    const writer = createSocketWriter(response, settings.maxInFlightBytes, owner);
    if (!writer) return undefined;
    taken.add(response);
    response.on("finish", this.onGone);
    return writer;
  }

  /** From here on nothing may lead from this sink to the body or the signal: all of Next hangs on them. */
  private leaveHost(): void {
    const { signal, response, watchers, owner } = this;
    if (!signal || !watchers || owner.needsRequest || !isFastPathOn("host-release")) return;
    // To whoever waits for the request's end it would look as if the client had left.
    signal.removeEventListener("abort", this.onGone);
    this.phase = "alone";
    if (isAwaited(signal) || !releaseHost(response, watchers)) {
      this.phase = "direct";
      signal.addEventListener("abort", this.onGone);
      return;
    }
    response.on("close", this.onGone);
    this.signal = this.controller = undefined;
  }

  /** A host that ends a stream of which it was told that it is over would end the next ones, too. */
  private checkRelease(): void {
    if (!this.response.writableEnded) return;
    turnOff("host-release", "Next.js ended a response that it was told had been closed");
  }
}

/**
 * Whether the host is about to send this stream as the body of the response: it has set the head
 * and sent nothing. A stream read for another purpose (by a page, through a transform) is read
 * before its response's head is set, or after it has left.
 */
function isAboutToCarry(response: ServerResponse): boolean {
  return !response.headersSent && isEventStream(response);
}

/** Whether the body can leave as it is: a compressed one, or one of a known length, is not ours. */
function isOurs(response: ServerResponse): boolean {
  return (
    response.headersSent &&
    !response.writableEnded &&
    !response.hasHeader("Content-Encoding") &&
    !response.hasHeader("Content-Length") &&
    !taken.has(response)
  );
}

function isEventStream(response: ServerResponse): boolean {
  // A list of one in Next.js 16.0.
  return String(response.getHeader("Content-Type")).startsWith("text/event-stream");
}
