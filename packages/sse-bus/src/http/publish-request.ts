import type { PublishOptions } from "../core/bus-types.ts";
import { readJson } from "./read-body.ts";
import { Refusal } from "./refusal.ts";

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
export function readTrigger(request: Request, ip: string | undefined): PublishRequest {
  const { searchParams } = new URL(request.url);
  const msg = searchParams.get("msg");
  if (msg === null) {
    throw new Refusal({
      status: 400,
      code: "MISSING_MESSAGE",
      detail: "`msg` is missing: /api/publish?msg=HelloWorld",
    });
  }
  const { headers } = request;
  return {
    data: {
      msg,
      query: Object.fromEntries(searchParams),
      userAgent: headers.get("user-agent"),
      language: headers.get("accept-language"),
      platform: unquote(headers.get("sec-ch-ua-platform")),
      ip: ip ?? null,
      time: new Date().toISOString(),
    },
    options: {
      channel: searchParams.get("channel") ?? undefined,
      event: searchParams.get("event") ?? undefined,
      key: searchParams.get("key") ?? undefined,
      id: searchParams.get("id") ?? undefined,
    },
  };
}

/**
 * `POST { "data", "channel"?, "event"?, "key"?, "id"?, "raw"? }`. Unknown fields are refused: with a
 * misspelt `channel` the message would go to everybody on `default`.
 *
 * @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MALFORMED_BODY`, `MESSAGE_TOO_LARGE`
 */
export async function readPost(request: Request, maxMessageBytes: number): Promise<PublishRequest> {
  const body = await readJson(request, maxMessageBytes);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw malformed('The body must be an object: { "data": …, "channel"?: "…" }.');
  }
  const { data, ...options } = body as Record<string, unknown>;
  if (data === undefined) throw malformed('The body has no "data".');
  for (const [name, value] of Object.entries(options)) {
    const type = FIELDS.get(name);
    if (!type) {
      const known = ["data", ...FIELDS.keys()].join(", ");
      throw malformed(`The body has an unknown field "${name}": use ${known}.`);
    }
    if (typeof value !== type) throw malformed(`"${name}" must be a ${type}.`);
  }
  return { data, options };
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
