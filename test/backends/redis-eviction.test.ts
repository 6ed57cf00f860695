import { describe, expect, test } from "vitest";

import { startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  asError,
  connectAdmin,
  epochOf,
  publishUntilStored,
  openBus,
  seqOf,
} from "./redis-helpers.ts";
import { subscribe } from "./subscriber.ts";
import { createRedisLog, makeClient } from "./redis-log.ts";

describe("a server that evicts keys or loads its data", () => {
  // volatile-lru keeps the key without a lifetime, which holds the positions and horizons. When
  // allkeys-lru evicts it, the log restarts.
  test.each(["volatile-lru", "allkeys-lru"])(
    "%s: everything evicted is reported in a gap",
    async (policy) => {
      const args = ["--maxmemory", "6mb", "--maxmemory-policy", policy];
      await using server = await startRedis({ args });
      await using log = createRedisLog(server, makeClient.redis);
      await using admin = await connectAdmin(server.port);
      const backend = await log.connect();
      await using bus = openBus(backend);
      const start = await bus.cursor();
      const sent = new Map<string, string[]>();
      const data = "x".repeat(8000);
      const channels = Array.from({ length: 200 }, (_, n) => `room/${n}`);
      let evicted = 0;
      for (let round = 0; round < 30 && evicted < 20; round++) {
        for (let start = 0; start < channels.length && evicted < 20; start += 20) {
          const published = channels
            .slice(start, start + 20)
            .map(async (channel) => bus.publish(data, { channel }));
          for (const { id, channel } of await Promise.all(published)) {
            sent.set(channel, [...(sent.get(channel) ?? []), id]);
          }
          evicted = await admin.evictedKeys();
        }
      }
      expect(evicted).toBeGreaterThanOrEqual(20);
      let lossy = 0;
      const unreported: number[] = [];
      for (const [channel, ids] of sent) {
        const { messages, horizon } = await backend.read(channel);
        const kept = new Set(messages.map(({ seq }) => seq));
        const missing = ids.map(seqOf).filter((seq) => !kept.has(seq));
        if (missing.length > 0) lossy++;
        unreported.push(...missing.filter((seq) => seq > horizon));
      }
      // After the reads: they detect that the key with the positions was evicted, and begin a new log.
      const isSameLog = epochOf(await bus.cursor()) === epochOf(start);
      if (policy === "volatile-lru") expect(isSameLog).toBe(true);
      if (isSameLog) expect(unreported).toEqual([]);
      expect(lossy).toBeGreaterThan(0);
      const subscriber = subscribe(bus, { channel: "room/**", after: start });
      await waitFor("a gap", () => subscriber.gaps.length > 0);
      expect(subscriber.gaps[0]?.channels).toEqual(["room/**"]);
    },
    60_000,
  );

  test.each(["log", "bus", "newest"])("a lost %s key costs no more than a gap", async (kind) => {
    await using server = await startRedis();
    await using log = createRedisLog(server, makeClient.ioredis);
    await using admin = await connectAdmin(server.port);
    const backend = await log.connect();
    await using bus = openBus(backend);
    const first = await bus.publish(0, { channel: "a", key: "k" });
    for (let n = 1; n < 6; n++) await bus.publish(n, { channel: "a", key: `k${n % 2}` });
    const key = `{${log.prefix}}:${kind}${kind === "bus" ? "" : ":a"}`;
    expect(await admin.command(["DEL", key])).toBe(1);
    const last = await bus.publish(6, { channel: "a", key: "k0" });
    const subscriber = subscribe(bus, { channel: "a", after: first.id });
    await waitFor("the last message", () => subscriber.ids.at(-1) === last.id);
    if (kind === "newest") expect([subscriber.data, subscriber.gaps]).toEqual([[5, 6], []]);
    else expect(subscriber.gaps).toHaveLength(1);
  });

  test("LOADING: open() rejects, and open instances continue afterwards", async () => {
    // Slow to load (300 keys of 10 ms), but it serves its connections.
    const slow = ["--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024"];
    const args = ["--enable-debug-command", "yes", ...slow];
    await using server = await startRedis({ persist: true, args });
    await using log = createRedisLog(server, makeClient.redis);
    await using admin = await connectAdmin(server.port);
    await using bus = openBus(await log.connect({ waitMs: 50 }));
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const sent = [await publishUntilStored(bus, "a")];
    for (let n = 0; n < 300; n++) await admin.command(["SET", `filler:${n}`, "x"]);
    await admin.command(["BGREWRITEAOF"]);
    await waitFor("the rewrite", async () =>
      (await admin.info()).includes("aof_rewrite_in_progress:0"),
    );
    await server.stop();
    const starting = server.start();
    await waitFor("the server to load", async () => {
      await using probe = await connectAdmin(server.port);
      return (await probe.command(["PING"]).catch(asError)) instanceof Error;
    });
    const late = await log.connect({ waitMs: 50 });
    await using refused = openBus(late);
    await expect(refused.publish(1)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await expect(bus.publish(1)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await starting;
    sent.push(await publishUntilStored(bus, "a"));
    await waitFor("the last message", () => subscriber.ids.at(-1) === sent.at(-1));
    expect(subscriber.ids).toEqual(sent);
    expect(subscriber.gaps).toEqual([]);
  });
});
