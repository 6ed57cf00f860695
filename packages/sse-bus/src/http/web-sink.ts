import { type Packet, packetBytes } from "../core/packet.ts";
import {
  type BodySink,
  type ByteSink,
  type Farewell,
  OwnedSink,
  type SinkKind,
  type SinkOwner,
} from "./byte-sink.ts";

/** Opens the sink that works wherever `ReadableStream` does. */
export function createWebSink(
  { signal }: { readonly signal: AbortSignal },
  owner: SinkOwner,
): BodySink {
  const sink = new WebSink(signal, owner);
  return { sink, body: sink.createBody() };
}

/**
 * A pull-based web stream. It holds one packet at most, and asks for the next one when that is read:
 * `enqueue` never refuses, so a stream that is written to without being pulled grows without bound.
 *
 * It must not hold its body; see `DirectSink`, which continues from here.
 */
export class WebSink extends OwnedSink implements ByteSink {
  protected signal: AbortSignal | undefined;
  protected controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  protected readonly onGone = (): void => this.handleGone();

  constructor(signal: AbortSignal, owner: SinkOwner) {
    super(owner);
    this.signal = signal;
    // Node's signal fires before cancel(); other hosts fire one or the other, or neither. Not the
    // response's `close`: code that reads the stream for itself brings a request of its own.
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
          this.handleCancel();
        },
      },
      { highWaterMark: 0 },
    );
  }

  write(packet: Packet): boolean {
    this.controller?.enqueue(packetBytes(packet));
    return false;
  }

  send(bytes: Uint8Array): boolean {
    this.controller?.enqueue(bytes);
    return false;
  }

  close(_farewell?: Farewell): void {
    this.signal?.removeEventListener("abort", this.onGone);
    this.controller?.close();
    this.controller = undefined;
  }

  kind(): SinkKind {
    return "web";
  }

  /** The body's consumer wants bytes. */
  protected pull(): void {
    this.owner.onReady();
  }

  /** The body's consumer has cancelled it. */
  protected handleCancel(): void {
    this.owner.onCancel();
  }

  /** The client has disconnected. */
  protected handleGone(): void {
    this.owner.onCancel();
  }
}
