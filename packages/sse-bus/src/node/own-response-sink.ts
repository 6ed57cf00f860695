import type { Packet } from "../core/packet.ts";
import {
  type ByteSink,
  type Farewell,
  OwnedSink,
  type SinkKind,
  type SinkOwner,
} from "../http/byte-sink.ts";
import type { StreamHeaders } from "../http/stream-opener.ts";
import type { ResponseWriter } from "./response-writer.ts";

/**
 * The base of the sinks that send the head of their response themselves, with `hello` as the first bytes
 * of the body. Nothing is sent before `hello`: until then the request can still be refused.
 */
export abstract class OwnResponseSink<Target extends { readonly destroyed: boolean }>
  extends OwnedSink
  implements ByteSink
{
  protected readonly target: Target;
  protected readonly maxInFlightBytes: number;
  private headers: StreamHeaders | undefined;
  private writer: ResponseWriter | undefined;

  constructor(target: Target, headers: StreamHeaders, owner: SinkOwner, maxInFlightBytes: number) {
    super(owner);
    this.target = target;
    this.headers = headers;
    this.maxInFlightBytes = maxInFlightBytes;
  }

  write(packet: Packet): boolean {
    return this.writer?.write(packet) ?? false;
  }

  send(bytes: Uint8Array): boolean {
    if (this.target.destroyed) return false;
    if (this.writer) {
      this.writer.send(bytes);
      return true;
    }
    this.writer = this.start(this.headers as StreamHeaders, bytes);
    this.headers = undefined;
    this.owner.onShortcut(this.writer);
    return true;
  }

  close(farewell?: Farewell): void {
    const { target, writer } = this;
    writer?.release();
    // Where nothing has been sent, the answer is a refusal, which is not sent by the sink.
    if (writer && !target.destroyed) this.finish(farewell);
  }

  kind(): SinkKind {
    return "direct";
  }

  /** Sends the head and the first bytes. */
  protected abstract start(headers: StreamHeaders, hello: Uint8Array): ResponseWriter;

  /** Ends the response, and cuts it off after a while if the client does not read the rest. */
  protected abstract finish(farewell?: Farewell): void;
}
