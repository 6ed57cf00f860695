import { bus, publish } from "@/lib/sse-bus";
import { type Reading, rates } from "./feed";
import { rate, readings } from "./live";
import { machineFeed } from "./machine-feed";
import { replayFeed } from "./replay-feed";

const feeds = [replayFeed({ rate: currentRate }), machineFeed()];
export const sensors = feeds.flatMap((feed) => feed.sensors);

/** Beyond this many pending publishes, readings are dropped: newer ones supersede them anyway. */
const maxPending = 2_000;

/** Publishes all feeds until `signal` aborts. It runs on one of the instances. */
export function startFeeds(signal: AbortSignal, { fence }: { fence: number }): void {
  const counts = new Map<string, number>();
  let pending = 0;

  function emit({ id, value }: Reading): void {
    // A feed that was waiting for something may still emit after the abort.
    if (signal.aborted || pending >= maxPending) return;
    pending++;
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    // With a key, a page that is behind receives each sensor's newest reading instead of the backlog.
    publish({ id, value, run: fence, count }, { channel: readings.channel, key: id })
      .catch(() => {})
      .finally(() => pending--);
  }
  for (const feed of feeds) signal.addEventListener("abort", feed.start(emit));
}

async function currentRate(): Promise<number> {
  const { value } = await rate.read(bus);
  return Date.now() < value.until ? value.perSecond : rates[0];
}
