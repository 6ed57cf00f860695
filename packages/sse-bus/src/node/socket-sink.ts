import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { startTimeout } from "../core/timers.ts";
import { FAREWELL, type Farewell, type SinkOwner } from "../http/byte-sink.ts";
import type { HttpAnswer } from "../http/answer.ts";
import type { StreamHeaders } from "../http/stream-opener.ts";
import { frameFirst } from "./chunk.ts";
import { OwnResponseSink } from "./own-response-sink.ts";
import { resetSocket } from "./reset-socket.ts";
import { createResponseWriter, type ResponseWriter } from "./response-writer.ts";

/** The sink of a stream that has its socket for itself; the connection ends with the stream. */
export class SocketSink extends OwnResponseSink<Socket> {
  constructor(socket: Socket, headers: StreamHeaders, owner: SinkOwner, maxInFlightBytes: number) {
    super(socket, headers, owner, maxInFlightBytes);
    socket.on("close", () => this.owner.onCancel());
  }

  protected start(headers: StreamHeaders, hello: Uint8Array): ResponseWriter {
    const { target: socket, owner, maxInFlightBytes } = this;
    const head = formatHead(200, { ...headers, "Transfer-Encoding": "chunked" });
    socket.write(frameFirst(head, hello));
    return createResponseWriter(socket, { isChunked: true, maxInFlightBytes }, owner);
  }

  protected finish(farewell?: Farewell): void {
    this.target.write(LAST_CHUNK);
    closeSoon(this.target, farewell);
  }
}

/** Sends a short answer, such as a refusal, and ends the connection. */
export function answerOn(socket: Socket, { status, headers, body }: HttpAnswer): void {
  if (socket.destroyed) return;
  const bytes = Buffer.from(body ?? "");
  const head = formatHead(status, { ...headers, "Content-Length": `${bytes.length}` });
  socket.write(Buffer.concat([Buffer.from(head, "latin1"), bytes]));
  closeSoon(socket);
}

/** Status line and fields (RFC 9112 §4, §5). All values come from this package, so they hold no CR or LF. */
function formatHead(status: number, headers: StreamHeaders): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  return `${head}Date: ${utcDate()}\r\nConnection: close\r\n\r\n`;
}

let second = 0;
let date = "";

/** Made once a second, however many clients connect in it. */
function utcDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) date = new Date().toUTCString();
  second = now;
  return date;
}

/** A client that reads nothing would keep the connection open forever. */
function closeSoon(socket: Socket, { graceMs, isReset }: Farewell = FAREWELL): void {
  socket.destroySoon();
  startTimeout(() => cutOff(socket, isReset), graceMs).unref();
}

function cutOff(socket: Socket, isReset: boolean): void {
  if (isReset) resetSocket(socket);
  else socket.destroy();
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");
