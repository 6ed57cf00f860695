import type { ByeReason } from "../core/connections.ts";

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

/** The last block of a stream that the server ends. */
export function encodeBye(reason: ByeReason, retryMs: number): Uint8Array {
  const data = JSON.stringify({ reason, retryMs });
  return encoder.encode(`retry: ${retryMs}\nevent: bye\ndata: ${data}\n\n`);
}
