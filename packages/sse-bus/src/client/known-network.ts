import type { ClientHost } from "./client-host.ts";
import { type Ladder, type LadderEvent, MAX_CUTS, step, UNKNOWN } from "./ladder.ts";
import type { ClientSettings } from "./settings.ts";

/** How long a poll waits for a message: many proxies end a response after 30 s. */
const MAX_WAIT_S = 25;

/** How long polls wait in this network, in seconds. 0: streams work. */
export function waitOf(settings: ClientSettings): number {
  const { cuts, lifeMs } = ladderOf(settings);
  if (cuts < MAX_CUTS) return 0;
  return Math.max(1, Math.min(MAX_WAIT_S, Math.floor((lifeMs || Infinity) / 1_250)));
}

/** Takes a {@link step}, and remembers it for the next page of this tab. */
export function advance(settings: ClientSettings, event: LadderEvent, ms?: number): void {
  const before = ladderOf(settings);
  const { cuts, lifeMs } = (settings.ladder = step(before, event, ms));
  try {
    if (settings.ladder !== before) {
      storageOf(settings)?.setItem(keyOf(settings), `${cuts} ${lifeMs}`);
    }
  } catch {} // It is full, or forbidden: then the next page finds out again.
}

function ladderOf(settings: ClientSettings): Ladder {
  return (settings.ladder ??= recall(settings));
}

function recall(settings: ClientSettings): Ladder {
  try {
    const text = storageOf(settings)?.getItem(keyOf(settings)) ?? "";
    const [, cuts, lifeMs] = /^([0-3]) (\d{1,5})$/.exec(text) ?? [];
    if (cuts) return { cuts: Number(cuts), lifeMs: Number(lifeMs) };
  } catch {} // A sandboxed frame may not even look at it.
  return UNKNOWN;
}

/**
 * That of a page. A server has none, and in a worker there is none: then the client alone remembers. So it does with a
 * `fetch` of its own, which may not use the page's network, as in tests.
 */
function storageOf({ fetch, host }: ClientSettings): ClientHost["sessionStorage"] {
  return fetch ? undefined : host?.location && host.sessionStorage;
}

/** Nothing of the URL but its origin, which may have a path of its own through the network. */
function keyOf({ url }: ClientSettings): string {
  return `sse-bus ${new URL(url).origin}`;
}
