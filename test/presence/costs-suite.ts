import { createClient } from "redis";
import { expect, test } from "vitest";
import { createPresenceView } from "../../packages/sse-bus/test/support/presence-view.ts";
import { useRedis } from "../support/redis.ts";
import { parseResponse, requestStream } from "../support/stream-response.ts";
import { waitFor } from "../support/wait-for.ts";
import { LEASE_MS, startCluster } from "./cluster.ts";
import { openTab, type Tab } from "./tab.ts";

/** Of the data of an event that says that a member without `info` has joined. */
const SMALL_BYTES = 200;
const AT_ONCE = 20;
const CHANNEL = "rooms/costs";

/** Members join one channel on three instances. */
export function testCosts(members: number): void {
  test(
    `each of ${members} members that join costs Redis one write, and a reader one small frame, and none afterwards`,
    { timeout: 60_000 + members * 100 },
    async () => {
      await using server = await useRedis();
      await using cluster = await startCluster(server.url);
      const redis = await createClient({ url: server.url }).connect();
      const tabs: Tab[] = [];
      const urls = cluster.instances.map(({ url }) => url);
      const reader = await openReader(urls[0] as string);
      try {
        let turn = 0;
        const pick = (): string => urls[turn++ % urls.length] as string;
        const open = async (user: string): Promise<void> => {
          tabs.push(await openTab({ channel: CHANNEL, user, pick, isWatching: false }));
        };
        const started = await countWrites(redis);
        const startedAt = performance.now();
        for (let member = 0; member < members; member += AT_ONCE) {
          const some = Array.from({ length: Math.min(AT_ONCE, members - member) }, (_, n) => n);
          await Promise.all(some.map(async (n) => open(`member-${member + n}`)));
        }
        const all = members + 1;
        await waitFor("all to be members", async () => (await count(urls[0])) === all);
        await waitFor("the reader to have all", () => reader.view.members()?.length === all);
        const joined = await countWrites(redis);
        // Besides the joins, three lease messages per lease and instance, and the questions of one that follows.
        const leases = (sinceMs: number): number =>
          Math.ceil((sinceMs / LEASE_MS) * 3 + 2) * urls.length;
        const leasesMs = performance.now() - startedAt;
        expect(joined - started).toBeGreaterThanOrEqual(members);
        expect(joined - started).toBeLessThanOrEqual(members + leases(leasesMs) + 10);
        const frames = [...reader.view.sizes];
        expect(frames.length).toBe(members);
        expect(Math.max(...frames)).toBeLessThan(SMALL_BYTES);

        const restedAt = performance.now();
        await waitFor("two leases to pass", () => performance.now() - restedAt > 2 * LEASE_MS);
        const rested = (await countWrites(redis)) - joined;
        expect(rested).toBeLessThanOrEqual(leases(performance.now() - restedAt));
        expect(reader.view.sizes.length).toBe(members);
        console.log(
          `${members} members joined with ${joined - started} writes; each cost a reader one frame of at most ${Math.max(...frames)} bytes. ` +
            `At rest, ${urls.length} instances wrote ${rested} messages in two leases.`,
        );
      } finally {
        for (const tab of tabs) tab.close();
        reader.close();
        redis.destroy();
      }
    },
  );
}

/** A page that watches, and is a member itself. */
async function openReader(url: string) {
  const query = new URLSearchParams({ channel: CHANNEL, user: "reader", presence: CHANNEL });
  const response = await requestStream(`${url}/sse?${query}`);
  const view = createPresenceView(CHANNEL);
  parseResponse(response, { onEvent: view.take });
  await waitFor("the reader to be a member", () => view.ids() === "reader");
  // Its own join may be part of the set, or come after it.
  const own = view.sizes.length;
  return {
    view: {
      members: view.members,
      get sizes() {
        return view.sizes.slice(own);
      },
    },
    close: () => response.destroy(),
  };
}

async function count(url: string | undefined): Promise<number> {
  const response = await fetch(`${url}/presence?channel=${encodeURIComponent(CHANNEL)}`);
  return ((await response.json()) as { count: number }).count;
}

/** Messages that were added to the log: each is one `XADD`, from a script. */
async function countWrites(redis: { info(section: string): Promise<string> }): Promise<number> {
  const stats = await redis.info("commandstats");
  const calls = (name: string): number =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  return calls("xadd");
}
