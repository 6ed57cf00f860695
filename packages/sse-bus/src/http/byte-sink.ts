import type { Packet } from "../core/packet.ts";

/** Where the bytes of one event stream go. */
export interface ByteSink {
  /** See `Sink.write`. */
  write(packet: Packet): boolean;
  /**
   * Sends bytes whatever the reader does: `hello` before anything, `bye` after everything. Returns
   * whether a packet can follow now; if not, `onReady` tells when.
   */
  send(bytes: Uint8Array): boolean;
  /** Ends the stream once what it holds is read. Idempotent. */
  close(): void;
  /** How the bytes leave now. */
  kind(): SinkKind;
}

/** A sink whose bytes are, or start as, the body of a web-standard response. */
export interface BodySink extends ByteSink {
  readonly body: ReadableStream<Uint8Array>;
}

/** `web`: through a web stream. `direct`: straight to the response of `node:http`. */
export type SinkKind = "web" | "direct";

export interface ByteSinkHandlers {
  /** The client has taken what it was given and can take more. */
  readonly onReady: () => void;
  /** The client is gone. */
  readonly onCancel: () => void;
}

/** Settings of a stream that its sink must know. */
export interface SinkSettings {
  /** See `StreamOptions.sink`. */
  readonly sink: "auto" | "web";
  /** See `StreamOptions.maxInFlightBytes`. */
  readonly maxInFlightBytes: number;
}

/** Makes the sink that suits a web-standard request. */
export type OpenBodySink = (
  request: Request,
  handlers: ByteSinkHandlers,
  settings: SinkSettings,
) => BodySink;
