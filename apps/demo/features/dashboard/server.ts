import type { Message } from "sse-bus";
import { whileLeader } from "@/lib/leader";
import { projection } from "@/lib/projection";
import { bus, publish } from "@/lib/sse-bus";
import {
  type PublishedReading,
  rateChannel,
  rateLastsMs,
  type Rate,
  rates,
  type Reading,
  readingsChannel,
} from "./feed";
import { machineFeed } from "./machine-feed";
import { replayFeed } from "./replay-feed";
import { readRate, readReading } from "./shape";

let asked = { perSecond: rates[0] as Rate, until: 0 };
const rate = () => (Date.now() < asked.until ? asked.perSecond : rates[0]);

const feeds = [replayFeed({ rate }), machineFeed()];
export const sensors = feeds.flatMap((feed) => feed.sensors);
const sensorIds = new Set(sensors.map(({ id }) => id));

/** Beyond this many pending publishes, readings are dropped: newer ones supersede them anyway. */
const maxUnderWay = 2_000;

/** Publishes all feeds, on one of the instances. */
export function startFeeds(): () => void {
  return whileLeader("dashboard/leader", () => {
    const counts = new Map<string, number>();
    const run = Date.now();
    let underWay = 0;

    // #region how publish
    function emit({ id, value }: Reading): void {
      if (underWay >= maxUnderWay) return;
      const count = (counts.get(id) ?? 0) + 1;
      counts.set(id, count);
      underWay++;
      // With a key, a page that is behind receives each sensor's newest reading instead of the backlog.
      publish({ id, value, run, count } satisfies PublishedReading, {
        channel: readingsChannel,
        key: id,
      })
        .catch(() => {})
        .finally(() => underWay--);
    }
    const stops = feeds.map((feed) => feed.start(emit));
    // #endregion

    stops.push(
      bus.subscribe(
        (data: unknown, { time }: Message) => {
          const rate = readRate(data);
          if (rate) asked = { ...rate, until: time + rateLastsMs };
        },
        // From the start of history, so that a rate requested from the previous leader stays in effect.
        { channel: rateChannel, after: "0-0-0", onGap: () => {} },
      ),
    );
    return () => {
      for (const stop of stops) stop();
    };
  });
}

/** Each sensor's newest reading, from what the channel keeps. */
export const loadReadings = projection<Record<string, PublishedReading>, PublishedReading>({
  channel: readingsChannel,
  initial: {},
  read: readReading,
  apply: (all, reading) => {
    if (sensorIds.has(reading.id)) all[reading.id] = reading;
    return all;
  },
});
