import { createEpoch, type Cursor } from "../core/position.ts";
import type { ServerClock } from "../core/server-clock.ts";
import type { Mark } from "./codec.ts";
import type { HistorySource } from "./history.ts";
import { MARK } from "./log-scripts.ts";
import { createStallCheck } from "./stall.ts";
import { startInterval } from "../core/timers.ts";

/** Sends markers, about one an interval for all instances together, and misses those that stay out. */
export interface Marker {
  /** Sends one now. Rejects when it could not be sent. */
  send(): Promise<void>;
  /** The number of the newest one sent. */
  readonly sent: number;
  /** The newest position seen. */
  readonly seen: Cursor;
  /** Notes that a marker was received; gives its number if it is one of this connection's own. */
  arrived(mark: Mark): number | undefined;
  numberOf(mark: Mark): number | undefined;
  /** A position that was seen: the log must not fall behind it. */
  note(cursor: Cursor): void;
  /** Forgets what is under way: another connection begins. */
  reset(): void;
  close(): void;
}

export interface MarkerOptions {
  readonly source: HistorySource;
  readonly start: Cursor;
  readonly markMs: number;
  readonly timeoutMs: number;
  readonly drop: (cause: Error) => void;
  /** Called with its number right before a marker is sent. */
  readonly beforeSend: (number: number) => void;
  /** Whether markers are of use now. */
  readonly isWanted: () => boolean;
}

/** Others' markers count if they came within this part of an interval. */
const RECENT = 0.8;

export function createMarker(options: MarkerOptions): Marker {
  const { source, markMs, timeoutMs, drop, beforeSend, isWanted } = options;
  const { commands, keys } = source;
  const instance = createEpoch();
  const underWay = new Map<number, number>();
  let sent = 0;
  let first = 1;
  let seen = options.start;
  let lastAt = 0;
  let arrivedUpTo = 0;
  const hasStalled = createStallCheck(markMs, () => performance.now());
  const timer = startInterval(tick, markMs);

  function tick(): void {
    const isLate = hasStalled();
    const now = performance.now();
    const [oldest] = underWay.values();
    if (oldest !== undefined && now - oldest > timeoutMs) {
      if (isLate) return;
      drop(new Error(`No marker came back within ${timeoutMs} ms`));
    } else if (isWanted() && commands.isReady && now - lastAt > markMs * RECENT) {
      send().catch(() => {}); // a lost connection has been told already, and another one comes
    }
  }

  async function send(): Promise<void> {
    const number = ++sent;
    beforeSend(number);
    const answer = await commands.run(
      MARK,
      [keys.bus, keys.probe],
      markArguments(source, { seen, token: `${instance}.${number}` }),
    );
    toHead(answer, source.clock);
    // From now on it has to come back.
    if (number >= first && number > arrivedUpTo) underWay.set(number, performance.now());
  }

  function numberOf({ token }: Mark): number | undefined {
    const [itsInstance, number] = token.split(".");
    return itsInstance === instance && Number(number) >= first ? Number(number) : undefined;
  }

  function note(cursor: Cursor): void {
    if (cursor.epoch !== seen.epoch || cursor.seq > seen.seq) seen = cursor;
  }

  return {
    send,
    get sent() {
      return sent;
    },
    get seen() {
      return seen;
    },
    numberOf,
    arrived(mark) {
      lastAt = performance.now();
      note(mark);
      const number = numberOf(mark);
      if (number === undefined) return undefined;
      arrivedUpTo = number;
      for (const each of underWay.keys()) if (each <= number) underWay.delete(each);
      return number;
    },
    note,
    reset() {
      first = sent + 1;
      underWay.clear();
    },
    close() {
      clearInterval(timer);
      underWay.clear();
    },
  };
}

/** The arguments of {@link MARK}. */
export function markArguments(
  { keys }: Pick<HistorySource, "keys">,
  { seen, token = "", asksRun = false }: MarkRequest,
): string[] {
  const { epoch, seq } = seen ?? { epoch: "", seq: 0 };
  return [
    createEpoch(),
    epoch,
    String(seq),
    keys.marks.name,
    token,
    asksRun ? "1" : "",
    keys.announce,
  ];
}

export interface MarkRequest {
  readonly seen: Cursor | undefined;
  /** Without one nothing is announced. */
  readonly token?: string;
  /** Whether to look if the server is still the same one. */
  readonly asksRun?: boolean;
}

/** The head, as {@link MARK} gives it with the server's time. */
export function toHead(answer: unknown, clock: ServerClock): Cursor {
  const [epoch, seq, time, now] = answer as [string, string, string, string];
  clock.sample(Number(now));
  return { epoch, seq: Number(seq), time: Number(time) };
}
