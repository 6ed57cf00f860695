import { assertChannel } from "../core/channel-name.ts";
import { encodeJson } from "../core/json.ts";
import type { HttpCall } from "./call.ts";
import { readJson } from "./read-json.ts";
import { Refusal } from "./refusal.ts";

/** A request to set a member's state. */
export interface StateRequest {
  /** The `connection` of a stream's `hello`: only its client knows it. */
  readonly connection: string;
  readonly channel: string;
  /** `undefined` to remove it. */
  readonly state: unknown;
}

/** Bytes of a state as JSON. */
const MAX_STATE_BYTES = 1024;
const FIELDS = new Set(["connection", "channel", "state"]);
const CONNECTION = /^[0-9a-f-]{36}$/;

/**
 * `POST { "connection", "channel", "state" }`; a `state` of `null`, or none, removes it.
 *
 * @throws Refusal `UNSUPPORTED_MEDIA_TYPE`, `MALFORMED_BODY`, `MESSAGE_TOO_LARGE`, `REQUEST_TIMEOUT`
 * @throws SseBusError `INVALID_CHANNEL`, `INVALID_DATA`
 */
export async function readState(call: HttpCall): Promise<StateRequest> {
  const body = await readJson(call, MAX_STATE_BYTES);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw malformed('The body must be an object: { "connection": …, "channel": …, "state": … }.');
  }
  const unknown = Object.keys(body).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) {
    throw malformed(
      `The body has an unknown field "${unknown.slice(0, 80)}": use ${[...FIELDS].join(", ")}.`,
    );
  }
  const { connection, channel, state } = body as Record<string, unknown>;
  if (typeof connection !== "string" || !CONNECTION.test(connection)) {
    throw malformed('"connection" must be the `connection` of the stream\'s `hello`.');
  }
  assertChannel(channel);
  return { connection, channel, state: readSmall(state ?? undefined) };
}

function readSmall(state: unknown): unknown {
  if (state === undefined) return undefined;
  const bytes = new TextEncoder().encode(encodeJson(state)).length;
  if (bytes <= MAX_STATE_BYTES) return state;
  throw new Refusal({
    status: 413,
    code: "MESSAGE_TOO_LARGE",
    detail: `\`state\` has ${bytes} bytes of JSON; at most ${MAX_STATE_BYTES} are allowed. Send a reference to the data instead.`,
  });
}

function malformed(detail: string): Refusal {
  return new Refusal({ status: 400, code: "MALFORMED_BODY", detail });
}
