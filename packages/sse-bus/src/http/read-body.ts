import { Refusal } from "./refusal.ts";

/**
 * How large a request may be for a message of `maxMessageBytes`: JSON may write each character as an
 * escape of six, and channel, event, key and id come beside the data.
 */
export function messageByteLimit(maxMessageBytes: number): number {
  return maxMessageBytes * 6 + 16_384;
}

/**
 * Reads a JSON body, giving up as soon as it is larger than it may be.
 *
 * @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MESSAGE_TOO_LARGE`, `MALFORMED_BODY`
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
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
  const bytes = await readBytes(request, maxBytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal({ status: 400, code: "MALFORMED_BODY", detail: `Not JSON: ${reason}` });
  }
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const next = await reader?.read();
    if (!next || next.done) break;
    length += next.value.length;
    if (length > maxBytes) {
      // The rest is of no interest; not reading it is what keeps memory bounded.
      await reader?.cancel().catch(() => {});
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

function tooLarge(maxBytes: number): Refusal {
  return new Refusal({
    status: 413,
    code: "MESSAGE_TOO_LARGE",
    detail: `The body is larger than ${maxBytes} bytes: send a reference to the data instead.`,
  });
}
