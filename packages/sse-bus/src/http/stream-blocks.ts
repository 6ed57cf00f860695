import type { ByeReason } from "./connections.ts";

/** What `hello` tells. */
export interface Hello {
  readonly connection: string;
  readonly channels: readonly string[];
  /** The cursor that the stream reads from, and the block's id. */
  readonly cursor: string;
  /** Where "from now on" is: the newest position when it was opened. */
  readonly head: string;
  readonly resumed: boolean;
  readonly heartbeatMs: number;
}

const encoder = new TextEncoder();

/** The first block of every stream. */
export function encodeHello(hello: Hello, retryMs: number): Uint8Array {
  return encoder.encode(
    `retry: ${retryMs}\nid: ${hello.cursor}\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`,
  );
}

/** What `bye` tells. */
export interface Bye {
  readonly reason: ByeReason;
  /** When to reconnect. */
  readonly retryMs: number;
  /** Why the stream was refused, where it never began. */
  readonly code?: string;
}

export interface ByeFields {
  /** The cursor that the client has already; left out where it need not be repeated. */
  readonly id?: string | undefined;
  /** The wait of clients that know `retry:` only. @default `retryMs` of the data */
  readonly retryMs?: number;
}

/** The last block of a stream that the server ends. */
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
