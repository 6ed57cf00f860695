import { packetBytes } from "../core/packet.ts";
import type { BodySink, ByteSinkHandlers } from "./byte-sink.ts";

/**
 * A pull-based web stream: it holds one packet at most, and asks for the next when that is read.
 *
 * Works wherever `ReadableStream` does. `enqueue` never refuses, so a stream that is written to
 * without being pulled grows without bound: only `onReady` may let the next packet come.
 */
export function createWebSink(
  { signal }: { readonly signal: AbortSignal },
  { onReady, onCancel }: ByteSinkHandlers,
): BodySink {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  // Node's signal fires before cancel(); other hosts fire one or the other, or neither.
  signal.addEventListener("abort", onCancel);
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
      return false;
    },
    close() {
      signal.removeEventListener("abort", onCancel);
      controller?.close();
      controller = undefined;
    },
    kind: () => "web",
  };
}
