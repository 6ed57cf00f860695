import type { Stored } from "./backend.ts";

/** Idempotency ids remembered; the oldest is forgotten first. */
const MAX_REMEMBERED_IDS = 10_000;

/** Notes where the message of an idempotency id stands. */
export function remember(remembered: Map<string, Stored>, id: string, stored: Stored): void {
  remembered.set(id, stored);
  if (remembered.size <= MAX_REMEMBERED_IDS) return;
  for (const oldest of remembered.keys()) {
    remembered.delete(oldest);
    return;
  }
}
