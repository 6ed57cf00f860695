import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { waitFor } from "./wait-for.ts";

/** A socket for handwritten HTTP, for what no client library sends unchanged. */
export interface RawClient extends AsyncDisposable {
  readonly socket: Socket;
  /** Everything received so far. */
  text(): string;
  send(text: string): void;
  /** Waits until the received text matches, and returns all of it. */
  until(wanted: string | RegExp): Promise<string>;
  /** Resolves when the server ends the connection. */
  readonly ended: Promise<void>;
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let received = "";
  socket.setEncoding("latin1").on("data", (text: string) => (received += text));
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return {
    socket,
    text: () => received,
    send: (text) => void socket.write(text),
    async until(wanted) {
      const isThere = (): boolean =>
        typeof wanted === "string" ? received.includes(wanted) : wanted.test(received);
      await waitFor(`${String(wanted)} in ${JSON.stringify(received)}`, isThere);
      return received;
    },
    ended,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await ended;
    },
  };
}

/** Splits off the first response: its head, its decoded body, and the rest. */
export function takeResponse(text: string): { head: string; body: string; rest: string } {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`No head in ${JSON.stringify(text)}`);
  const head = text.slice(0, end);
  const payload = text.slice(end + 4);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) {
    return { head, body: payload.slice(0, Number(length)), rest: payload.slice(Number(length)) };
  }
  if (!/^transfer-encoding: chunked/im.test(head)) return { head, body: payload, rest: "" };
  let body = "";
  let at = 0;
  for (;;) {
    const line = payload.indexOf("\r\n", at);
    const size = Number.parseInt(payload.slice(at, line), 16);
    if (line < 0 || Number.isNaN(size)) throw new Error(`Bad chunk at ${at}: ${payload}`);
    const from = line + 2;
    if (payload.slice(from + size, from + size + 2) !== "\r\n") {
      throw new Error(`The chunk at ${at} does not end where it says: ${payload}`);
    }
    body += payload.slice(from, from + size);
    at = from + size + 2;
    if (size === 0) return { head, body, rest: payload.slice(at) };
  }
}
