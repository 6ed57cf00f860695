import { MAX_BATCH_BYTES } from "../core/publish.ts";
import { startTimeout } from "../core/timers.ts";
import type { RequestBody } from "./call.ts";
import type { Problem } from "./problem.ts";
import { Refusal } from "./refusal.ts";

type BodyKind = "message" | "batch";

/** How much of a body is read. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** What `Content-Length` says; 0 if it is not there. */
  readonly declaredBytes: number;
  /** What a larger body is, for its refusal; `either`: a batch if it begins with `[`. */
  readonly as: BodyKind | "either";
}

/**
 * Reads a body. Of one that is too large, nothing is kept.
 *
 * @throws Refusal `MESSAGE_TOO_LARGE` or `BATCH_TOO_LARGE`, `REQUEST_TIMEOUT`, `MALFORMED_BODY` if the client disconnects
 * @throws SseBusError `BODY_ALREADY_READ`
 */
export async function readBytes(
  body: RequestBody,
  { maxBytes, declaredBytes, as }: BodyLimits,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isTooLarge = false;
  let isLate = false;
  let first: number | undefined;
  const read = body.read((bytes) => {
    first ??= bytes.find((byte) => byte > SPACE);
    length += bytes.length;
    if (length <= maxBytes && !isTooLarge) chunks.push(bytes);
    else if (!isTooLarge) discard();
    else if (length > maxBytes + MAX_DISCARDED_BYTES) read.stop();
  });
  const stopLate = (): void => {
    isLate = true;
    read.stop();
  };
  let timer = startTimeout(stopLate, BODY_TIMEOUT_MS);

  /** Memory stays limited: the rest is not kept. */
  function discard(): void {
    isTooLarge = true;
    chunks.length = 0;
    clearTimeout(timer);
    timer = startTimeout(stopLate, MAX_DISCARD_MS);
  }

  function refusal(): Refusal {
    const kind = as === "either" ? (first === OPEN_ARRAY ? "batch" : "message") : as;
    return tooLarge(kind, kind === "batch" ? MAX_BATCH_BYTES : maxBytes, UNREAD);
  }

  if (declaredBytes > maxBytes) discard();
  try {
    await read.ended;
  } catch {
    // Nobody is left to answer, but the refusal is counted.
    throw isTooLarge ? refusal() : new Refusal(INCOMPLETE);
  } finally {
    clearTimeout(timer);
  }
  if (isTooLarge) throw refusal();
  if (isLate) throw new Refusal(TOO_SLOW);
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : join(chunks, length);
}

const SPACE = 0x20;
const OPEN_ARRAY = 0x5b;

/** Without a timeout, a client that sends slowly could keep the received part in memory without limit. */
const BODY_TIMEOUT_MS = 15_000;
/**
 * How much of a body that is too large is read after the refusal is certain, and for how long. A server that closes
 * a connection with unread bytes resets it, and the client gets the reset (`EPIPE`, `ECONNRESET`) in place of the
 * response (RFC 9112 §9.6).
 */
const MAX_DISCARDED_BYTES = 16_777_216;
const MAX_DISCARD_MS = 2000;

/**
 * Closes the connection. To reuse it, the server would have to read the rest of the body, which may never
 * end.
 */
const UNREAD = { Connection: "close" };

const INCOMPLETE: Problem = {
  status: 400,
  code: "MALFORMED_BODY",
  detail: "The connection ended before the body was complete.",
  headers: UNREAD,
};

const TOO_SLOW: Problem = {
  status: 408,
  code: "REQUEST_TIMEOUT",
  detail: `The body did not arrive within ${BODY_TIMEOUT_MS / 1000} s: send it without pauses.`,
  headers: UNREAD,
};

/** The refusal of a body with more bytes. */
export function tooLarge(
  as: BodyKind,
  maxBytes: number,
  headers: Readonly<Record<string, string>> = {},
): Refusal {
  const { code, limit, remedy } = TOO_LARGE[as];
  const detail = `The body is larger than ${maxBytes} bytes (\`${limit}\`): ${remedy}.`;
  return new Refusal({ status: 413, code, detail, headers }, { limit });
}

const TOO_LARGE = {
  message: {
    code: "MESSAGE_TOO_LARGE",
    limit: "maxMessageBytes",
    remedy: "send a reference to the data instead",
  },
  batch: { code: "BATCH_TOO_LARGE", limit: "maxBatchBytes", remedy: "publish it in parts" },
} as const;

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
