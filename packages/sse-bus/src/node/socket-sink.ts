import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Packet } from "../core/packet.ts";
import type { EndReason } from "../core/reader.ts";
import type { ByteSink, SinkKind, SinkOwner } from "../http/byte-sink.ts";
import type { StreamHeaders } from "../http/stream-opener.ts";
import { frameFirst } from "./chunk.ts";
import { createResponseWriter, FAREWELL_MS, type ResponseWriter } from "./response-writer.ts";
import { startTimeout } from "../core/timers.ts";

/** The sink of a stream that has its socket for itself; the connection ends with it. */
export class SocketSink implements ByteSink {
  private readonly socket: Socket;
  private readonly owner: SinkOwner;
  private readonly maxInFlightBytes: number;
  private headers: StreamHeaders | undefined;
  private writer: ResponseWriter | undefined;

  constructor(socket: Socket, headers: StreamHeaders, owner: SinkOwner, maxInFlightBytes: number) {
    this.socket = socket;
    this.headers = headers;
    this.owner = owner;
    this.maxInFlightBytes = maxInFlightBytes;
    socket.on("close", () => this.owner.onCancel());
  }

  write(packet: Packet): boolean {
    return this.writer?.write(packet) ?? false;
  }

  send(bytes: Uint8Array): boolean {
    if (this.socket.destroyed) return false;
    if (this.writer) this.writer.send(bytes);
    else this.start(bytes);
    return true;
  }

  end(reason: EndReason): void {
    this.owner.onEnd(reason);
  }

  close(graceMs?: number): void {
    const { socket, writer } = this;
    writer?.release();
    // Where nothing has left yet, the answer is a refusal, and not ours to give.
    if (!writer || socket.destroyed) return;
    socket.write(LAST_CHUNK);
    closeSoon(socket, graceMs);
  }

  kind(): SinkKind {
    return "direct";
  }

  private start(hello: Uint8Array): void {
    const { socket, owner, maxInFlightBytes } = this;
    const head = formatHead(200, { ...this.headers, "Transfer-Encoding": "chunked" });
    this.headers = undefined;
    socket.write(frameFirst(head, hello));
    this.writer = createResponseWriter(socket, { isChunked: true, maxInFlightBytes }, owner);
    owner.onShortcut(this.writer);
  }
}

/** Sends a short answer, such as a refusal, and ends the connection. */
export async function answerOn(socket: Socket, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  if (socket.destroyed) return;
  const headers = { ...Object.fromEntries(response.headers), "Content-Length": `${body.length}` };
  socket.write(Buffer.concat([Buffer.from(formatHead(response.status, headers), "latin1"), body]));
  closeSoon(socket);
}

/** Status line and fields (RFC 9112 §4, §5). What the values hold has been set by us. */
function formatHead(status: number, headers: StreamHeaders): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  return `${head}Date: ${utcDate()}\r\nConnection: close\r\n\r\n`;
}

let second = 0;
let date = "";

/** A thousand clients that come in one second share it. */
function utcDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) date = new Date().toUTCString();
  second = now;
  return date;
}

/** A client that takes nothing would keep the connection for ever. */
function closeSoon(socket: Socket, graceMs: number = FAREWELL_MS): void {
  socket.destroySoon();
  startTimeout(() => destroy(socket), graceMs).unref();
}

function destroy(socket: Socket): void {
  socket.destroy();
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");
