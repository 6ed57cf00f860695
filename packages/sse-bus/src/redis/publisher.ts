import type { NewMessage } from "../core/backend.ts";
import { createEpoch, type Cursor } from "../core/position.ts";
import { encodeAttributes } from "./codec.ts";
import type { RedisLogAccess } from "./history.ts";
import { PUBLISH } from "./publish-script.ts";

/** Where a message is stored. */
export interface PublishedPlace {
  readonly cursor: Cursor;
  /** A message with this idempotency id was published before: this is its position. */
  readonly duplicate: boolean;
}

/** Runs {@link PUBLISH}. An idempotency id is remembered for `idempotencyMs`. */
export async function publishEntry(
  { commands, keys, limits }: RedisLogAccess,
  { entry, idempotencyMs }: { readonly entry: NewMessage; readonly idempotencyMs: number },
): Promise<PublishedPlace> {
  const { channel, key = "", json, id } = entry;
  const { maxMessages, maxBytes, maxAgeMs } = limits(channel);
  const names = [keys.bus, keys.log(channel), keys.newest(channel), keys.id(channel, id ?? "")];
  const args = [
    createEpoch(),
    channel,
    encodeAttributes(entry),
    json,
    key,
    keys.live,
    id === undefined ? "" : String(idempotencyMs),
    toBound(maxMessages),
    toBound(maxBytes),
    toBound(maxAgeMs),
    keys.announce,
    keys.all,
  ];
  const answer = await commands.run(PUBLISH, names, args);
  const [epoch, seq, time, duplicate] = answer as [string, string, string, string | undefined];
  return {
    cursor: { epoch, seq: Number(seq), time: Number(time) },
    duplicate: duplicate !== undefined,
  };
}

/** Not every Redis can parse an infinite number in Lua. */
function toBound(limit: number): string {
  return String(Math.min(limit, Number.MAX_SAFE_INTEGER));
}
