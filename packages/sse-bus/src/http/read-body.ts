import { assertExactNumbers } from "../core/exact-numbers.ts";
import { Refusal } from "./refusal.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * The largest body of a message of `maxMessageBytes`: JSON may escape each character as six, and channel,
 * event, key and id come beside the data.
 */
export function messageByteLimit(maxMessageBytes: number): number {
  return maxMessageBytes * 6 + 16_384;
}

/**
 * Reads a JSON body, and stops as soon as it exceeds `maxBytes`.
 *
 * @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MESSAGE_TOO_LARGE`, `REQUEST_TIMEOUT`, `MALFORMED_BODY`
 * @throws SseBusError `INVALID_DATA` for a number that `JSON.parse` changes
 */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new Refusal({
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      detail: "Send `Content-Type: application/json`.",
      headers: { "Accept-Post": "application/json" },
    });
  }
  // Its size is known only after it has been decompressed.
  if ((request.headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity") {
    throw new Refusal({
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      detail: "Send the body without `Content-Encoding`.",
      headers: { "Accept-Encoding": "identity" },
    });
  }
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
  const bytes = await readInTime(request, maxBytes);
  const { text, value } = parse(bytes);
  assertExactNumbers(text);
  return value;
}

function parse(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal({ status: 400, code: "MALFORMED_BODY", detail: `Not JSON: ${reason}` });
  }
}

/** Without it, a client that sends slowly would hold the received part in memory for as long as it likes. */
const BODY_TIMEOUT_MS = 15_000;

async function readInTime(request: Request, maxBytes: number): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  let isLate = false;
  const timer = startTimeout(() => {
    isLate = true;
    // Ends the pending read.
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
      // Not reading the rest keeps memory bounded.
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

/** The client disconnected while it was sending. */
function refuseIncomplete(): never {
  throw new Refusal({
    status: 400,
    code: "MALFORMED_BODY",
    detail: "The connection ended before the body was complete.",
    headers: UNREAD,
  });
}

/** To keep the connection, the server would have to read the rest of the body, which may never end. */
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
