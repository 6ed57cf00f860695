import { setTimeout as sleep } from "node:timers/promises";
import { createTestBus, readEvents } from "sse-bus/testing";
import { expect, test, vi } from "vitest";

test("prices are read only while somebody watches them", async () => {
  await using server = createTestBus();
  const { bus, url, fetch } = server;
  const log: string[] = [];

  const stop = bus.whileSubscribed(
    "prices/*",
    async (signal) => {
      log.push("start");
      while (!signal.aborted) {
        // In an application: const price = await fetch("https://…", { signal })
        await bus.publish({ price: 1.08 }, { channel: "prices/eur" });
        await sleep(10);
      }
      log.push("end");
    },
    { graceMs: 100 },
  );
  expect(log).toEqual([]);

  const events = await readEvents(`${url}?channel=prices/eur`, { fetch });
  expect((await events.next("message")).json()).toEqual({ price: 1.08 });
  expect(log).toEqual(["start"]);

  await events[Symbol.asyncDispose](); // the last reader leaves
  await vi.waitFor(() => expect(log).toEqual(["start", "end"]));
  stop();
});
