import { isReserved } from "./channel-name.ts";
import { type HistoryResolver, historyBytesOf } from "./history.ts";
import { closeStore, createLogStore, type LogStore } from "./log-store.ts";

/**
 * All logs of one owner. Those of reserved channels are in a store of their own: what the bus's features
 * publish evicts nothing of the application, and what they drop raises no horizon of other channels.
 */
export interface LogStores {
  readonly ordinary: LogStore;
  readonly reserved: LogStore;
}

/** @see createLogStore */
export function createLogStores(
  resolve: HistoryResolver,
  maxHistoryBytes: number,
  freesEmpty: boolean,
  now?: () => number,
): LogStores {
  const create = (kind: string): LogStore =>
    createLogStore(resolve, historyBytesOf(kind, maxHistoryBytes), freesEmpty, now);
  return { ordinary: create(""), reserved: create("~") };
}

/** The store with the log of a channel. No pattern covers channels of both. */
export function storeOf({ ordinary, reserved }: LogStores, topic: string): LogStore {
  return isReserved(topic) ? reserved : ordinary;
}

export function closeStores({ ordinary, reserved }: LogStores): void {
  closeStore(ordinary);
  closeStore(reserved);
}
