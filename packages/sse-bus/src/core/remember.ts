import type { Stored } from "./backend.ts";

/** Idempotency ids remembered; the oldest is forgotten first. */
const MAX_REMEMBERED_IDS = 10_000;

/** Where the messages of idempotency ids stand. An id belongs to its channel. */
export type RememberedIds = Map<string, Stored>;

/** The first message of an idempotency id on this channel. */
export function recall(ids: RememberedIds, channel: string, id: string): Stored | undefined {
  return ids.get(nameOf(channel, id));
}

/** Notes where the message of an idempotency id stands. */
export function remember(ids: RememberedIds, id: string, stored: Stored): void {
  ids.set(nameOf(stored.channel, id), stored);
  if (ids.size <= MAX_REMEMBERED_IDS) return;
  for (const oldest of ids.keys()) {
    ids.delete(oldest);
    return;
  }
}

/** A channel's name holds no space, so that no two pairs have one name. */
function nameOf(channel: string, id: string): string {
  return `${channel} ${id}`;
}
