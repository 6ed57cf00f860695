import { createStallCheck } from "../backend-shared/stall-check.ts";
import { createEpoch, type Cursor } from "../core/position.ts";
import { startInterval } from "../core/timers.ts";
import type { HeadMarker } from "./codec.ts";
import { decodeHead, headArguments, headKeys, READ_HEAD } from "./head-script.ts";
import type { RedisLogAccess } from "./history.ts";

/**
 * Requests head markers, about one per interval for all instances together, and drops the connection
 * when a requested marker does not arrive.
 */
export interface HeadMarkers {
  /** Requests a marker now. Rejects when the request failed. */
  request(): Promise<void>;
  /** The number of the newest request. */
  readonly lastRequest: number;
  /** The newest position seen, delivered or not. */
  readonly newestSeen: Cursor;
  /** A marker was received. Returns its number if this instance requested it on this connection. */
  received(marker: HeadMarker): number | undefined;
  numberOf(marker: HeadMarker): number | undefined;
  /** A position was seen: if the log is ever behind it, the log has lost data. */
  noteSeen(cursor: Cursor): void;
  /** A new connection starts: forgets all outstanding requests. */
  reset(): void;
  close(): void;
}

export interface HeadMarkersOptions {
  readonly access: RedisLogAccess;
  readonly start: Cursor;
  readonly markMs: number;
  readonly timeoutMs: number;
  readonly drop: (cause: Error) => void;
  /** Called with the number of a request immediately before it is sent. */
  readonly beforeRequest: (number: number) => void;
  /** Whether to request markers at each interval. */
  readonly isWanted: () => boolean;
}

/** No request is needed if any instance's marker arrived within this part of an interval. */
const RECENT = 0.8;

export function createHeadMarkers(options: HeadMarkersOptions): HeadMarkers {
  const { access, markMs, timeoutMs, drop, beforeRequest, isWanted } = options;
  const { commands, keys, clock } = access;
  const instance = createEpoch();
  /** Sent requests whose marker has not arrived, with their times. */
  const outstanding = new Map<number, number>();
  let lastRequest = 0;
  let firstOfConnection = 1;
  let newestSeen = options.start;
  let lastReceivedAt = 0;
  let receivedUpTo = 0;
  const hasStalled = createStallCheck(markMs, () => performance.now());
  const timer = startInterval(tick, markMs);

  function tick(): void {
    const isLate = hasStalled();
    const now = performance.now();
    const [oldest] = outstanding.values();
    if (oldest !== undefined && now - oldest > timeoutMs) {
      if (isLate) return;
      drop(new Error(`No marker arrived within ${timeoutMs} ms`));
    } else if (isWanted() && commands.isReady && now - lastReceivedAt > markMs * RECENT) {
      request().catch(() => {}); // the loss of the connection is already reported
    }
  }

  async function request(): Promise<void> {
    const number = ++lastRequest;
    beforeRequest(number);
    const args = headArguments(keys, { newestSeen, token: `${instance}.${number}` });
    decodeHead(await commands.run(READ_HEAD, headKeys(keys), args), clock);
    // Announced: from now on it must arrive.
    if (number >= firstOfConnection && number > receivedUpTo) {
      outstanding.set(number, performance.now());
    }
  }

  function numberOf({ token }: HeadMarker): number | undefined {
    const [requester, number] = token.split(".");
    const isOwn = requester === instance && Number(number) >= firstOfConnection;
    return isOwn ? Number(number) : undefined;
  }

  function noteSeen(cursor: Cursor): void {
    if (cursor.epoch !== newestSeen.epoch || cursor.seq > newestSeen.seq) newestSeen = cursor;
  }

  return {
    request,
    get lastRequest() {
      return lastRequest;
    },
    get newestSeen() {
      return newestSeen;
    },
    numberOf,
    received(marker) {
      lastReceivedAt = performance.now();
      noteSeen(marker);
      const number = numberOf(marker);
      if (number === undefined) return undefined;
      receivedUpTo = number;
      for (const each of outstanding.keys()) if (each <= number) outstanding.delete(each);
      return number;
    },
    noteSeen,
    reset() {
      firstOfConnection = lastRequest + 1;
      outstanding.clear();
    },
    close() {
      clearInterval(timer);
      outstanding.clear();
    },
  };
}
