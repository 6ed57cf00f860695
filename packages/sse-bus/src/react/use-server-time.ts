"use client";

import { useMemo, useSyncExternalStore } from "react";
import { createPageServerClock, type PageServerClock } from "../client/server-clock.ts";
import { type OwnClient, SETTINGS } from "../client/settings.ts";
import { startTimeout } from "../core/timers.ts";
import { useSse } from "./context.ts";

/** Options of {@link useServerTime}. */
export interface ServerTimeOptions<Initial extends number | undefined = number | undefined> {
  /** How often it renders, in ms, at least 16. The result is a multiple of it. @default 1_000 */
  readonly intervalMs?: number | undefined;
  /** What the server renders, and the page until it is hydrated: `Date.now()` of the server. */
  readonly initial?: Initial;
}

const MIN_INTERVAL_MS = 16;

/**
 * Returns the server's time, in ms since 1970, and renders again at each full `intervalMs`. All hooks of a page
 * change at the same moment, and all devices show the same time, whatever their own clocks say.
 *
 * The time comes from the heartbeats and messages of the page's stream. The hook itself opens none: without
 * a subscription it returns the page's own time. Without `initial` it returns `undefined` on the server and
 * during hydration, because a time that the server has rendered is never the time in the page.
 *
 * @example
 * ```tsx
 * const now = useServerTime({ initial: renderedAt });
 * return <p>{Math.max(0, Math.ceil((endsAt - now) / 1000))} s left</p>;
 * ```
 */
export function useServerTime(options: ServerTimeOptions<number>): number;
export function useServerTime(options?: ServerTimeOptions): number | undefined;
export function useServerTime({ intervalMs = 1_000, initial }: ServerTimeOptions = {}):
  | number
  | undefined {
  const client = useSse() as unknown as OwnClient;
  const ticker = useMemo(() => createTicker(clockOf(client), intervalMs), [client, intervalMs]);
  return useSyncExternalStore(ticker.subscribe, ticker.time, () => initial);
}

/** One clock for all hooks of a client. */
function clockOf(client: OwnClient): PageServerClock {
  const known = CLOCKS.get(client);
  if (known) return known;
  const clock = createPageServerClock();
  CLOCKS.set(client, clock);
  const settings = client[SETTINGS];
  if (settings) settings.onFrame = clock.onFrame;
  return clock;
}

const CLOCKS = new WeakMap<object, PageServerClock>();

interface Ticker {
  /** The same until the next full interval. */
  readonly time: () => number;
  readonly subscribe: (notify: () => void) => () => void;
}

function createTicker(clock: PageServerClock, everyMs: number): Ticker {
  const intervalMs = everyMs >= MIN_INTERVAL_MS ? everyMs : MIN_INTERVAL_MS;
  let last = 0;

  const time = (): number => {
    const next = Math.floor(clock.now() / intervalMs) * intervalMs;
    // The estimate may become a little earlier; a clock that shows it would go back for a moment.
    if (next < last && last - next <= intervalMs) return last;
    last = next;
    return next;
  };

  return {
    time,
    subscribe(notify) {
      let timer: ReturnType<typeof setTimeout>;
      const tick = (): void => {
        timer = startTimeout(tick, intervalMs - (clock.now() % intervalMs));
        notify();
      };
      tick();
      return () => clearTimeout(timer);
    },
  };
}
