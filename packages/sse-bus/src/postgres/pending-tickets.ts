/**
 * Where to search for committed messages without a position (the table `pending`).
 *
 * A message is deleted from the table when it gets its position. But while a long transaction is open
 * anywhere, Postgres keeps the deleted rows, and every publish would scan them. Rows have increasing
 * ticket numbers, so a search can skip the tickets that are done. It must not skip too early: a
 * transaction may commit some time after it drew its ticket.
 */
export interface PendingTickets {
  /** Search after this ticket. */
  readonly after: number;
  /** All messages found after `from` got a position, up to `ticket`. */
  taken(ticket: number, from: number): void;
  /** Search from the start the next time. */
  checkAll(): void;
}

/** How long a commit may take after it drew its ticket. */
const SETTLING_MS = 10_000;
/** How often to search from the start, for commits that took longer. */
const CHECK_ALL_MS = 60_000;

export function createPendingTickets(now = (): number => performance.now()): PendingTickets {
  let settled = 0;
  let settling: { readonly ticket: number; readonly at: number } | undefined;
  let newest = 0;
  let fullCheck: { readonly since: number; isDue: boolean } = { since: now(), isDue: true };

  return {
    get after() {
      if (settling && now() - settling.at >= SETTLING_MS) {
        settled = settling.ticket;
        settling = newest > settled ? { ticket: newest, at: now() } : undefined;
      }
      if (now() - fullCheck.since >= CHECK_ALL_MS) fullCheck = { since: now(), isDue: true };
      return fullCheck.isDue ? 0 : settled;
    },
    taken(ticket, from) {
      if (from === 0) fullCheck.isDue = false;
      newest = Math.max(newest, ticket);
      settling ??= { ticket: newest, at: now() };
    },
    checkAll() {
      fullCheck = { since: now(), isDue: true };
    },
  };
}
