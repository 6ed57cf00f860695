import { SseBusError } from "../core/errors.ts";
import { assertExactNumbers } from "../core/exact-numbers.ts";
import { MAX_DEPTH } from "../core/json.ts";
import type { HttpCall } from "./call.ts";
import { measureJson } from "./measure-json.ts";
import { type BodyLimits, readBytes } from "./read-body.ts";
import { Refusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";

/** The text of a request's body. */
export interface BodyText {
  readonly text: string;
  readonly type: string;
  readonly bytes: number;
}

export interface TextLimits extends Pick<BodyLimits, "maxBytes" | "as"> {
  /** The media types that are accepted. */
  readonly types: readonly string[];
}

export const JSON_TYPE = "application/json";

/**
 * Reads a JSON body with a message of at most `maxMessageBytes`. It keeps no more of a body that is too large.
 *
 * @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MESSAGE_TOO_LARGE`, `REQUEST_TIMEOUT`, `MALFORMED_BODY`
 * @throws SseBusError `INVALID_DATA` for a number that `JSON.parse` would change, and for data that nests too
 * deeply; `BODY_ALREADY_READ`
 */
export async function readJson(
  call: Pick<HttpCall, "head" | "body">,
  maxMessageBytes: number,
): Promise<unknown> {
  const maxBytes = maxBodyBytes(maxMessageBytes);
  const { text } = await readText(call, { types: [JSON_TYPE], maxBytes, as: "message" });
  return parseJson(text, maxMessageBytes);
}

/** JSON can escape one character as six, so the body may be six times as large as its message. */
export function maxBodyBytes(maxMessageBytes: number): number {
  return maxMessageBytes * MAX_ESCAPED + ENVELOPE_BYTES;
}

/** @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MALFORMED_BODY`, and what {@link readBytes} throws */
export async function readText(
  { head, body }: Pick<HttpCall, "head" | "body">,
  { types, ...limits }: TextLimits,
): Promise<BodyText> {
  const type = acceptedType(head, types);
  const declaredBytes = Number(head.headers.get("content-length"));
  const bytes = await readBytes(body, { ...limits, declaredBytes });
  return { text: decode(bytes), type, bytes: bytes.length };
}

/** Parses JSON with a message of at most `maxMessageBytes`; throws as {@link readJson} does. */
export function parseJson(text: string, maxMessageBytes: number): unknown {
  assertCheap(text, maxMessageBytes);
  const value = parse(text);
  assertExactNumbers(text);
  return value;
}

/** The longest escape of one character: `\u0041`. */
const MAX_ESCAPED = 6;
/** Space for channel, event, key and id, in addition to the data. */
const ENVELOPE_BYTES = 16_384;

function acceptedType({ headers }: RequestHead, types: readonly string[]): string {
  const sent = headers.get("content-type");
  const type = sent === JSON_TYPE ? sent : sent?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined || !types.includes(type)) {
    throw new Refusal({
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      detail: `Send \`Content-Type: ${types.join("` or `")}\`.`,
      headers: { "Accept-Post": types.join(", ") },
    });
  }
  // The size of a compressed body is known only after decompression.
  if ((headers.get("content-encoding") ?? "identity").toLowerCase() === "identity") return type;
  throw new Refusal({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    detail: "Send the body without `Content-Encoding`.",
    headers: { "Accept-Encoding": "identity" },
  });
}

/** One for all: decoding a whole body at once leaves no state behind. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
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
