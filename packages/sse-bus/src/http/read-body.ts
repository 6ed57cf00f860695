import { SseBusError } from "../core/errors.ts";
import { assertExactNumbers } from "../core/exact-numbers.ts";
import { MAX_DEPTH } from "../core/json.ts";
import { startTimeout } from "../core/timers.ts";
import { measureJson } from "./measure-json.ts";
import { Refusal } from "./refusal.ts";

/**
 * Reads a JSON body with a message of at most `maxMessageBytes`, and stops as soon as the body is too large.
 * JSON can escape one character as six, so the body may be six times as large as its message.
 *
 * @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MESSAGE_TOO_LARGE`, `REQUEST_TIMEOUT`, `MALFORMED_BODY`
 * @throws SseBusError `INVALID_DATA` for a number that `JSON.parse` would change, and for data that nests too
 * deeply
 */
export async function readJson(request: Request, maxMessageBytes: number): Promise<unknown> {
  const maxBytes = maxMessageBytes * MAX_ESCAPED + ENVELOPE_BYTES;
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new Refusal({
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      detail: "Send `Content-Type: application/json`.",
      headers: { "Accept-Post": "application/json" },
    });
  }
  // The size of a compressed body is known only after decompression.
  if ((request.headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity") {
    throw new Refusal({
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      detail: "Send the body without `Content-Encoding`.",
      headers: { "Accept-Encoding": "identity" },
    });
  }
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
  const text = decode(await readInTime(request, maxBytes));
  assertCheap(text, maxMessageBytes);
  const value = parse(text);
  assertExactNumbers(text);
  return value;
}

/** The longest escape of one character: `\u0041`. */
const MAX_ESCAPED = 6;
/** Space for channel, event, key and id, in addition to the data. */
const ENVELOPE_BYTES = 16_384;

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw notJson(cause);
  }
}

/**
 * Rejects a body that would take long to parse before it is parsed. The limits would reject it after parsing,
 * too.
 */
function assertCheap(text: string, maxMessageBytes: number): void {
  const { depth, size } = measureJson(text);
  // The body is an object around `data`, which adds one level.
  if (depth > MAX_DEPTH + 1) {
    const message = `\`data\` nests deeper than ${MAX_DEPTH} levels: send a flatter shape.`;
    throw new SseBusError("INVALID_DATA", message);
  }
  const maxSize = maxMessageBytes + ENVELOPE_BYTES;
  if (size <= maxSize) return;
  throw new Refusal(
    {
      status: 413,
      code: "MESSAGE_TOO_LARGE",
      detail: `The body has ${size} characters of JSON, without white space and escapes; at most ${maxSize} are allowed (\`maxMessageBytes\`). Send a reference to the data instead.`,
    },
    { limit: "maxMessageBytes" },
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notJson(cause);
  }
}

function notJson(cause: unknown): Refusal {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Refusal({ status: 400, code: "MALFORMED_BODY", detail: `Not JSON: ${reason}` });
}

/** Without a timeout, a client that sends slowly could keep the received part in memory without limit. */
const BODY_TIMEOUT_MS = 15_000;

async function readInTime(request: Request, maxBytes: number): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  let isLate = false;
  const timer = startTimeout(() => {
    isLate = true;
    // This ends the pending read.
    reader.cancel().catch(() => {});
  }, BODY_TIMEOUT_MS);
  try {
    const bytes = await readBytes(reader, maxBytes);
    if (!isLate) return bytes;
  } finally {
    clearTimeout(timer);
  }
  throw new Refusal({
    status: 408,
    code: "REQUEST_TIMEOUT",
    detail: `The body did not arrive within ${BODY_TIMEOUT_MS / 1000} s: send it without pauses.`,
    headers: UNREAD,
  });
}

async function readBytes(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const next = await reader.read().catch(refuseIncomplete);
    if (next.done) break;
    length += next.value.length;
    if (length > maxBytes) {
      // Stop reading, so that memory stays limited.
      await reader.cancel().catch(() => {});
      throw tooLarge(maxBytes);
    }
    chunks.push(next.value);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** The client disconnected before the body was complete. */
function refuseIncomplete(): never {
  throw new Refusal({
    status: 400,
    code: "MALFORMED_BODY",
    detail: "The connection ended before the body was complete.",
    headers: UNREAD,
  });
}

/**
 * Closes the connection. To reuse it, the server would have to read the rest of the body, which may never
 * end.
 */
const UNREAD = { Connection: "close" };

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(
    {
      status: 413,
      code: "MESSAGE_TOO_LARGE",
      detail: `The body is larger than ${maxBytes} bytes: send a reference to the data instead.`,
      headers: UNREAD,
    },
    { limit: "maxMessageBytes" },
  );
}
