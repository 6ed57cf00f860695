import type { Packet } from "../core/packet.ts";
import type { EndReason, Sink } from "../core/sink.ts";

/** Where the bytes of one event stream go. */
export interface ByteSink extends Sink {
  /** The `Content-Encoding` of the stream, if it has one. Then all bytes MUST go through this sink. */
  readonly encoding?: string;
  /**
   * Sends bytes whether or not the client can take more: `hello` before everything, `bye` after
   * everything (`isLast`). Returns whether a packet can follow now; if not, `onReady` is called later.
   */
  send(bytes: Uint8Array, isLast?: boolean): boolean;
  /**
   * Ends the stream once the client has read what the sink holds, or cuts it off after a while.
   * Idempotent.
   */
  close(farewell?: Farewell): void;
  /** How the bytes leave now. */
  kind(): SinkKind;
}

/** How long a client has to read the rest of a stream that has ended. */
export interface Farewell {
  /** Then the connection is cut, where the sink can do so. */
  readonly graceMs: number;
  /** Also drops what has already been written and is still on this machine. */
  readonly isReset: boolean;
}

/** A client that reads nothing would otherwise keep its connection, and a server that waits for it, forever. */
export const FAREWELL: Farewell = { graceMs: 1000, isReset: false };

/** A sink whose bytes are, or start as, the body of a web-standard response. */
export interface BodySink {
  readonly sink: ByteSink;
  /** Separate, so that a sink which does not need it any more does not keep it in memory. */
  readonly body: ReadableStream<Uint8Array>;
}

/** `web`: through a web stream. `direct`: straight to the response of `node:http`. */
export type SinkKind = "web" | "direct";

/** The stream that a sink belongs to; the sink calls it. */
export interface SinkOwner {
  /** `authorize` needs the request again while the stream is open: the host must keep it. */
  readonly needsRequest: boolean;
  /** The `Content-Encoding` of the stream. */
  readonly encoding: string | undefined;
  /** The client has read what it was sent, and can take more. */
  onReady(): void;
  /** The client disconnected. Idempotent. */
  onCancel(): void;
  /** The bus ends the reader; see `Sink.end`. */
  onEnd(reason: EndReason): void;
  /** Packets may go to this sink from now on; it is a shorter way than the one that was opened. */
  onShortcut(sink: Sink): void;
}

/**
 * The base of all sinks of event streams: whichever of them the reader holds, the bus ends the stream.
 *
 * Sinks are classes, unlike most of the package: a server holds tens of thousands of them, and closures
 * would cost memory for each method of each (docs/performance.md).
 */
export abstract class OwnedSink implements Sink {
  protected readonly owner: SinkOwner;

  constructor(owner: SinkOwner) {
    this.owner = owner;
  }

  abstract write(packet: Packet): boolean;

  end(reason: EndReason): void {
    this.owner.onEnd(reason);
  }
}

/** Settings of a stream that its sink needs. */
export interface SinkSettings {
  /** See `StreamOptions.sink`. */
  readonly sink: "auto" | "web";
  /** See `StreamOptions.maxInFlightBytes`. */
  readonly maxInFlightBytes: number;
}

/** Makes the sink that suits a web-standard request. */
export type OpenBodySink = (request: Request, owner: SinkOwner, settings: SinkSettings) => BodySink;
