import { packetBytes } from "../core/packet.ts";
import type { BodySink, ByteSink, SinkOwner } from "./byte-sink.ts";

/**
 * A pull-based web stream: it holds one packet at most, and asks for the next when that is read.
 *
 * Works wherever `ReadableStream` does. `enqueue` never refuses, so a stream that is written to
 * without being pulled grows without bound: only `onReady` may let the next packet come.
 */
export function createWebSink(
  { signal }: { readonly signal: AbortSignal },
  owner: SinkOwner,
): BodySink {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const onAbort = (): void => owner.onCancel();
  // Node's signal fires before cancel(); other hosts fire one or the other, or neither.
  signal.addEventListener("abort", onAbort);
  const body = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own;
      },
      pull: () => owner.onReady(),
      cancel() {
        // From here on the controller throws at every call (ERR_INVALID_STATE).
        controller = undefined;
        owner.onCancel();
      },
    },
    { highWaterMark: 0 },
  );
  const sink: ByteSink = {
    write(packet) {
      controller?.enqueue(packetBytes(packet));
      return false;
    },
    send(bytes) {
      controller?.enqueue(bytes);
      return false;
    },
    end: (reason) => owner.onEnd(reason),
    close() {
      signal.removeEventListener("abort", onAbort);
      controller?.close();
      controller = undefined;
    },
    kind: () => "web",
  };
  return { sink, body };
}
