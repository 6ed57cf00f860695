import { createAddressRate, tooManyRequests } from "./address-rate.ts";

/** How often clients may set their presence state. */
export interface StateRate {
  /** Counts one request of an address, before its body is read. @throws Refusal `TOO_MANY_REQUESTS` */
  spendAddress(ip: string | undefined): Promise<void> | undefined;
  /** Counts one state of a stream. @throws Refusal `TOO_MANY_REQUESTS` */
  spendConnection(connection: string): Promise<void>;
}

/** Clients behind one address, each of which may set its state as often as the limit says. */
const CLIENTS_PER_ADDRESS = 20;
/**
 * Streams that are counted at a time. Nobody knows here whether a stream of another instance exists, so
 * clients can make up as many as they like.
 */
const MAX_COUNTED = 100_000;
const WINDOW_MS = 60_000;

const SETTING = { done: "set its state", limit: "maxStatesPerMinute" };

export function createStateRate(maxStatesPerMinute: number): StateRate {
  const perConnection = createConnectionCounts(maxStatesPerMinute);
  const perAddress = createAddressRate(maxStatesPerMinute * CLIENTS_PER_ADDRESS, SETTING);
  return {
    spendAddress: perAddress.spend,
    async spendConnection(connection) {
      const msBeforeNext = perConnection(connection);
      if (msBeforeNext !== undefined) throw tooManyRequests(msBeforeNext, "this stream", SETTING);
    },
  };
}

/** Counts states in a map of limited size. @returns counts one; the wait in ms if it is one too many */
function createConnectionCounts(max: number): (connection: string) => number | undefined {
  const counts = new Map<string, number>();
  let endsAt = 0;
  return (connection) => {
    const now = performance.now();
    if (now >= endsAt || (counts.size >= MAX_COUNTED && !counts.has(connection))) {
      counts.clear();
      endsAt = now + WINDOW_MS;
    }
    const count = (counts.get(connection) ?? 0) + 1;
    counts.set(connection, count);
    return count > max ? endsAt - now : undefined;
  };
}
