import type { PublishOptions } from "../core/bus-types.ts";
import { MAX_BATCH_BYTES } from "../core/publish.ts";
import type { HttpCall } from "./call.ts";
import { tooLarge } from "./read-body.ts";
import { JSON_TYPE, maxBodyBytes, parseJson, readText } from "./read-json.ts";
import { Refusal, toRefusal } from "./refusal.ts";
import { queryOf } from "./request-head.ts";
import { splitArray, splitLines } from "./split-batch.ts";

/** What a request asks to publish. */
export interface PublishRequest {
  readonly data: unknown;
  readonly options: PublishOptions;
}

/**
 * The minimal example's trigger: `?msg=HelloWorld[&channel=…&event=…&key=…]` becomes a message with details
 * of its sender.
 *
 * @throws Refusal `MISSING_MESSAGE`
 */
export function readTrigger({ head, ip }: HttpCall): PublishRequest {
  const query = queryOf(head);
  const msg = query.get("msg");
  if (msg === null) {
    throw new Refusal({
      status: 400,
      code: "MISSING_MESSAGE",
      detail: "`msg` is missing: /api/publish?msg=HelloWorld",
    });
  }
  const { headers } = head;
  return {
    data: {
      msg,
      query: Object.fromEntries(query),
      userAgent: headers.get("user-agent"),
      language: headers.get("accept-language"),
      platform: unquote(headers.get("sec-ch-ua-platform")),
      ip: ip ?? null,
      time: new Date().toISOString(),
    },
    options: {
      channel: query.get("channel") ?? undefined,
      event: query.get("event") ?? undefined,
      key: query.get("key") ?? undefined,
      id: query.get("id") ?? undefined,
    },
  };
}

/**
 * `POST { "data", "channel"?, "event"?, "key"?, "id"?, "raw"? }`, or a batch of such objects: a JSON array, or NDJSON
 * with one in each line. Unknown fields are refused: with a misspelt `channel` the message would go to everybody
 * on `default`.
 *
 * @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MALFORMED_BODY`, `MESSAGE_TOO_LARGE`, `BATCH_TOO_LARGE`
 */
export async function readPost(
  call: HttpCall,
  maxMessageBytes: number,
): Promise<PublishRequest | readonly PublishRequest[]> {
  const ofMessage = maxBodyBytes(maxMessageBytes);
  const { text, type, bytes } = await readText(
    call,
    call.head.headers.get("content-type")?.startsWith(NDJSON_TYPE)
      ? { types: TYPES, maxBytes: MAX_BATCH_BYTES, as: "batch" }
      : { types: TYPES, maxBytes: Math.max(ofMessage, MAX_BATCH_BYTES), as: "either" },
  );
  const isNdjson = type === NDJSON_TYPE;
  if (!isNdjson && !/^[\t\n\r ]*\[/.test(text)) {
    if (bytes > ofMessage) throw tooLarge("message", ofMessage);
    return readMessage(text, maxMessageBytes);
  }
  if (bytes > MAX_BATCH_BYTES) throw tooLarge("batch", MAX_BATCH_BYTES);
  return (isNdjson ? splitLines(text) : splitArray(text)).map((each, index) => {
    try {
      return readMessage(each, maxMessageBytes);
    } catch (error) {
      throw refusalAt(error, index);
    }
  });
}

const NDJSON_TYPE = "application/x-ndjson";
const TYPES = [JSON_TYPE, NDJSON_TYPE];

function readMessage(text: string, maxMessageBytes: number): PublishRequest {
  const body = parseJson(text, maxMessageBytes);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw malformed('A message must be an object: { "data": …, "channel"?: "…" }.');
  }
  const { data, ...options } = body as Record<string, unknown>;
  if (data === undefined) throw malformed('The message has no "data".');
  for (const [name, value] of Object.entries(options)) {
    const type = FIELDS.get(name);
    if (!type) {
      const known = ["data", ...FIELDS.keys()].join(", ");
      throw malformed(`The message has an unknown field "${name}": use ${known}.`);
    }
    if (typeof value !== type) throw malformed(`"${name}" must be a ${type}.`);
  }
  return { data, options };
}

/** The refusal of one message of a batch. */
function refusalAt(error: unknown, index: number): Refusal {
  const { problem, limit } = toRefusal(error);
  const detail = `\`messages[${index}]\`: ${problem.detail}`;
  return new Refusal({ ...problem, detail, index }, limit === undefined ? {} : { limit });
}

/** The fields beside `data`, and their types. */
const FIELDS: ReadonlyMap<string, "string" | "boolean"> = new Map([
  ["channel", "string"],
  ["event", "string"],
  ["key", "string"],
  ["id", "string"],
  ["raw", "boolean"],
]);

function malformed(detail: string): Refusal {
  return new Refusal({ status: 400, code: "MALFORMED_BODY", detail });
}

/** Client hints are structured-field strings (RFC 8941): `"Linux"`, in quotes. */
function unquote(text: string | null): string | null {
  return text === null ? null : text.replace(/^"(.*)"$/, "$1");
}
