import { type Packet, packetBytes } from "../core/packet.ts";

/** Where the bytes of one event stream go. */
export interface ByteSink {
  /** The response's body. */
  readonly body: ReadableStream<Uint8Array>;
  /** See `Sink.write`. */
  write(packet: Packet): boolean;
  /** Sends bytes whatever the reader does: `hello` before anything, `bye` after everything. */
  send(bytes: Uint8Array): void;
  /** Ends the stream once what it holds is read. Idempotent. */
  close(): void;
  kind(): "web" | "direct";
}

export interface ByteSinkHandlers {
  /** The client has taken what it was given and can take more. */
  readonly onReady: () => void;
  /** The client is gone. */
  readonly onCancel: () => void;
}

/** Makes the sink that suits a request. */
export type OpenByteSink = (request: Request, handlers: ByteSinkHandlers) => ByteSink;

/**
 * A pull-based web stream: it holds one packet at most, and asks for the next when that is read.
 *
 * Works wherever `ReadableStream` does. `enqueue` never refuses, so a stream that is written to
 * without being pulled grows without bound: only `onReady` may let the next packet come.
 */
export function createWebSink({ onReady, onCancel }: ByteSinkHandlers): ByteSink {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own;
      },
      pull: onReady,
      cancel() {
        // From here on the controller throws at every call (ERR_INVALID_STATE).
        controller = undefined;
        onCancel();
      },
    },
    { highWaterMark: 0 },
  );
  return {
    body,
    write(packet) {
      controller?.enqueue(packetBytes(packet));
      return false;
    },
    send(bytes) {
      controller?.enqueue(bytes);
    },
    close() {
      controller?.close();
      controller = undefined;
    },
    kind: () => "web",
  };
}
