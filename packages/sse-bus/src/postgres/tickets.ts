/**
 * Where to look for committed messages without a position. They are deleted from their table as soon
 * as they have one, but while a long transaction is open anywhere, Postgres must keep the dead rows,
 * and walking over an hour of them for each publish would stall the bus. Tickets come from a counter,
 * so what is older than a while needs no look: unless its commit took that long.
 */
export interface Tickets {
  /** Look after this ticket. */
  readonly after: number;
  /** All that was seen after `from` was given a position, the newest being `ticket`. */
  taken(ticket: number, from: number): void;
  /** Look at all of them, the next time. */
  lookAtAll(): void;
}

/** A commit can take this long between drawing its ticket and being seen. */
const SETTLING_MS = 10_000;
/** What took longer is found by then, at the latest. */
const LOOK_AT_ALL_MS = 60_000;

export function createTickets(now = (): number => performance.now()): Tickets {
  let settled = 0;
  let settling: { readonly ticket: number; readonly at: number } | undefined;
  let newest = 0;
  let all: { readonly since: number; isDue: boolean } = { since: now(), isDue: true };

  return {
    get after() {
      if (settling && now() - settling.at >= SETTLING_MS) {
        settled = settling.ticket;
        settling = newest > settled ? { ticket: newest, at: now() } : undefined;
      }
      if (now() - all.since >= LOOK_AT_ALL_MS) all = { since: now(), isDue: true };
      return all.isDue ? 0 : settled;
    },
    taken(ticket, from) {
      if (from === 0) all.isDue = false;
      newest = Math.max(newest, ticket);
      settling ??= { ticket: newest, at: now() };
    },
    lookAtAll() {
      all = { since: now(), isDue: true };
    },
  };
}
