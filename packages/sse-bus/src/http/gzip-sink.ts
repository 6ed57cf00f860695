import { joinBytes } from "../core/join-bytes.ts";
import { type Packet, packetBytes } from "../core/packet.ts";
import type { EndReason } from "../core/sink.ts";
import type { ByteSink, Farewell, SinkKind } from "./byte-sink.ts";
import { combineCrc, crc32, shiftOf } from "./crc32.ts";
import { GZIP_HEAD, gzipTrailer, storeBytes } from "./gzip-format.ts";

/**
 * Makes one gzip stream of what goes to another sink. The packets are compressed already, for all their
 * readers; `hello` and `bye` are for one client only and are stored as they are. The stream has the checksum
 * of everything, which it ends with after `bye`.
 */
export class GzipSink implements ByteSink {
  private readonly out: ByteSink;
  private crc = 0;
  private length = 0;

  constructor(out: ByteSink) {
    this.out = out;
  }

  get encoding(): string {
    return "gzip";
  }

  write(packet: Packet): boolean {
    this.add((packet.checksum ??= checksumOf(packet.plain ?? packetBytes(packet))), packet.size);
    return this.out.write(packet);
  }

  send(bytes: Uint8Array, isLast = false): boolean {
    // The length is modulo 2³²: that alone could be 0 later.
    const isFirst = this.length === 0 && this.crc === 0;
    this.add(checksumOf(bytes), bytes.length);
    const parts = [storeBytes(bytes, isLast)];
    if (isFirst) parts.unshift(GZIP_HEAD);
    if (isLast) parts.push(gzipTrailer(this.crc, this.length));
    return this.out.send(joinBytes(parts), isLast);
  }

  end(reason: EndReason): void {
    this.out.end(reason);
  }

  close(farewell?: Farewell): void {
    this.out.close(farewell);
  }

  kind(): SinkKind {
    return this.out.kind();
  }

  private add(checksum: { readonly crc: number; readonly shift: number }, length: number): void {
    this.crc = combineCrc(this.crc, checksum);
    this.length = (this.length + length) | 0;
  }
}

function checksumOf(bytes: Uint8Array): { readonly crc: number; readonly shift: number } {
  return { crc: crc32(bytes), shift: shiftOf(bytes.length) };
}
