import { encodeJson } from "../core/json.ts";
import { isIdentityId } from "../core/message.ts";
import type { Identity } from "./authorize.ts";

/** Bytes of the `info` of an identity, as JSON. */
const MAX_INFO_BYTES = 1024;

/**
 * Checks the `identity` that `authorize` returned. What it returns is a copy: the application may change its
 * own object later.
 *
 * @throws Error for anything that is not a valid identity
 */
export function readIdentity(identity: unknown): Identity {
  const { id, info } = (identity ?? {}) as Partial<Identity>;
  if (!isIdentityId(id)) {
    throw new Error("authorize returned an `identity` whose `id` is not 1 to 200 bytes of text");
  }
  return info === undefined ? { id } : { id, info: readInfo(info) };
}

function readInfo(info: unknown): unknown {
  const json = toJson(info);
  const bytes = new TextEncoder().encode(json).length;
  if (bytes <= MAX_INFO_BYTES) return JSON.parse(json);
  throw new Error(
    `authorize returned an \`identity\` whose \`info\` is ${bytes} bytes of JSON, and at most ${MAX_INFO_BYTES} are allowed`,
  );
}

function toJson(info: unknown): string {
  try {
    return encodeJson(info);
  } catch (cause) {
    throw new Error("authorize returned an `identity` whose `info` is not JSON", { cause });
  }
}
