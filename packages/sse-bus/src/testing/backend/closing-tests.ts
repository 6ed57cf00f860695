import type { BackendTest } from "./backend-test.ts";
import { check, checkRejects } from "./check.ts";
import { nothingHappens, publishEach } from "./load.ts";
import { checkArrived } from "./recorder.ts";
import { watchTimers } from "./timers.ts";

const CLOSED = ["BUS_CLOSED", "BACKEND_UNAVAILABLE"];
const CYCLES = 5;

export const closingTests: readonly BackendTest[] = [
  {
    name: "close: it may be called twice and concurrently; later calls of the backend are rejected",
    async run(lab) {
      const { backend, publish, ...instance } = await lab.open();
      await instance.listen("a");
      await publish("a");
      await lab.within("close()", Promise.all([backend.close(), backend.close()]));
      await lab.within("close() once more", backend.close());
      const entry = { channel: "a", event: "message", key: undefined, json: "1", id: undefined };
      const feed = { message() {}, lost() {} };
      await checkRejects(backend.publish(entry), CLOSED, "publish() after close()");
      await checkRejects(backend.subscribe("a", feed), CLOSED, "subscribe() after close()");
      await checkRejects(backend.read("a"), CLOSED, "read() after close()");
      await checkRejects(backend.readHead(), CLOSED, "cursor() after close()");
      // A flush that was under way at close still asks, and cannot catch.
      check(backend.head().epoch, "head() MUST NOT throw after close().");
    },
  },
  {
    name: "close: nothing is delivered after it, and other instances continue",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const [own, others] = [await one.listen("a"), await two.listen("a")];
      const published = await publishEach(two, ["a", "a"]);
      await checkArrived(lab, own, published);
      // The recorder fails the test when it is fed after this.
      await one.close();
      published.push(...(await publishEach(two, ["a", "a"])));
      await checkArrived(lab, others, published);
      await nothingHappens();
    },
  },
  {
    name: "close: pending publishes and subscriptions settle",
    async run(lab) {
      const instance = await lab.open();
      const feed = { message() {}, lost() {} };
      const entry = { channel: "a", event: "message", key: undefined, json: "1", id: undefined };
      const underWay = Promise.allSettled([
        ...Array.from({ length: 20 }, async () => instance.backend.publish(entry)),
        instance.backend.subscribe("a", feed),
        instance.backend.read("a"),
        instance.backend.readHead(),
      ]);
      await lab.within("close()", instance.close());
      await lab.within("What was under way at close()", underWay);
    },
  },
  {
    name: "close: it leaves no timer, socket or listener behind",
    async run(lab) {
      const cycle = async (): Promise<void> => {
        const instance = await lab.open();
        await Promise.all(["a", "b/*", "**"].map(async (topic) => instance.listen(topic)));
        await publishEach(instance, ["a", "b/1"]);
        await instance.backend.read("**");
        await instance.close();
      };
      // What is made once for a process (a DNS cache, a pool of the runtime) is no leak.
      await cycle();
      const before = countResources();
      const timers = watchTimers();
      try {
        for (let n = 0; n < CYCLES; n++) await cycle();
        await lab.until(
          `After ${CYCLES} instances were opened and closed, their timers to end (${CYCLES} or more are left)`,
          () => timers.active() < CYCLES,
        );
      } finally {
        timers.restore();
      }
      await lab.until(
        `After ${CYCLES} instances were opened and closed, process.getActiveResourcesInfo() to be back at ${before}`,
        () => countResources() < before + CYCLES,
      );
      check(countResources() < before + CYCLES, "Resources are left.");
    },
  },
];

/** Sockets, pipes and similar that keep the process alive; 0 if the runtime does not report them. */
function countResources(): number {
  const { process } = globalThis as { process?: { getActiveResourcesInfo?: () => string[] } };
  const resources = process?.getActiveResourcesInfo?.() ?? [];
  return resources.filter((name) => !/Timeout|Immediate|TickObject|FSReq/.test(name)).length;
}
