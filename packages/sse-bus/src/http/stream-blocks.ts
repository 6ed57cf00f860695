import type { ByeReason } from "./connections.ts";

/** The data of `hello`. */
export interface Hello {
  readonly connection: string;
  readonly channels: readonly string[];
  /** The cursor that the stream reads from, and the event's id. */
  readonly cursor: string;
  /** The newest position when the stream was opened: where "from now on" begins. */
  readonly head: string;
  readonly resumed: boolean;
  readonly heartbeatMs: number;
  /** The channels whose members the stream delivers, on a route with presence. */
  readonly presence?: readonly string[];
  /** The id of the client's identity, on a route with presence. */
  readonly identity?: string;
}

const encoder = new TextEncoder();

/** The first event of every stream. */
export function encodeHello(hello: Hello, retryMs: number): Uint8Array {
  return encoder.encode(formatHello(hello, retryMs));
}

/** The same as text; a page leaves fields out. */
export function formatHello(
  hello: Pick<Hello, "cursor"> & Partial<Hello>,
  retryMs: number,
): string {
  return `retry: ${retryMs}\nid: ${hello.cursor}\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`;
}

/** The data of `bye`. */
export interface Bye {
  readonly reason: ByeReason;
  /** How long to wait before the client reconnects. */
  readonly retryMs: number;
  /** The error code, if the stream was refused before it began. */
  readonly code?: string | undefined;
  /** Of a page: whether there is more to read now. */
  readonly more?: boolean;
  /** Of a page at the head: when it was made, in ms since 1970, as a heartbeat says. */
  readonly time?: number;
}

export interface ByeFields {
  /** The cursor that the client has already; left out where it does not have to be repeated. */
  readonly id?: string | undefined;
  /** The delay of clients that know `retry:` only. @default `retryMs` of the data */
  readonly retryMs?: number;
}

/** The last event of a stream that the server ends. */
export function encodeBye(bye: Bye, fields: ByeFields = {}): Uint8Array {
  return encoder.encode(formatBye(bye, fields));
}

/** The same as text. */
export function formatBye(bye: Bye, { id, retryMs = bye.retryMs }: ByeFields = {}): string {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  const data = JSON.stringify({ ...bye, retryMs: inDigits(bye.retryMs) });
  return `retry: ${inDigits(retryMs)}\n${idLine}event: bye\ndata: ${data}\n\n`;
}

/** `retry:` and JSON have no `Infinity`, and clients set timers by it. */
function inDigits(ms: number): number {
  return Math.min(ms, 2_147_483_647);
}
