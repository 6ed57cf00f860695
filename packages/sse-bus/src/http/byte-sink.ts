import type { EndReason, Sink } from "../core/reader.ts";

/** Where the bytes of one event stream go. */
export interface ByteSink extends Sink {
  /**
   * Sends bytes whatever the reader does: `hello` before anything, `bye` after everything. Returns
   * whether a packet can follow now; if not, `onReady` tells when.
   */
  send(bytes: Uint8Array): boolean;
  /**
   * Ends the stream once what it holds is read, or cuts it off after `graceMs`. Idempotent.
   *
   * @param graceMs Where the sink can tell. @default 1000
   */
  close(graceMs?: number): void;
  /** How the bytes leave now. */
  kind(): SinkKind;
}

/** A sink whose bytes are, or start as, the body of a web-standard response. */
export interface BodySink {
  readonly sink: ByteSink;
  /** Apart, so that a sink which needs it no more does not keep it. */
  readonly body: ReadableStream<Uint8Array>;
}

/** `web`: through a web stream. `direct`: straight to the response of `node:http`. */
export type SinkKind = "web" | "direct";

/** Whoever opened a sink, and hears of it. */
export interface SinkOwner {
  /** The request is looked at again while the stream is open: the host must keep it. */
  readonly needsRequest: boolean;
  /** The client has taken what it was given and can take more. */
  onReady(): void;
  /** The client is gone. Idempotent. */
  onCancel(): void;
  /** The bus ends the reader; see `Sink.end`. */
  onEnd(reason: EndReason): void;
  /** Packets can go to this sink from now on; it is a shorter way than the one that was opened. */
  onShortcut(sink: Sink): void;
}

/** Settings of a stream that its sink must know. */
export interface SinkSettings {
  /** See `StreamOptions.sink`. */
  readonly sink: "auto" | "web";
  /** See `StreamOptions.maxInFlightBytes`. */
  readonly maxInFlightBytes: number;
}

/** Makes the sink that suits a web-standard request. */
export type OpenBodySink = (request: Request, owner: SinkOwner, settings: SinkSettings) => BodySink;
