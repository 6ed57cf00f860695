import type { BackendTest } from "./backend-test.ts";
import { checkEqual, checkRejects } from "./check.ts";
import type { Instance } from "./instance.ts";
import type { Lab } from "./lab.ts";
import { keepPublishing, nothingHappens, publishEach, repeat } from "./load.ts";
import { checkArrived, checkExactly } from "./recorder.ts";
import { watchTimers } from "./timers.ts";

const ATTEMPTS = 4;
const AWAY = ["BACKEND_UNAVAILABLE"];

export const outageTests: readonly BackendTest[] = [
  {
    name: "outage: publishes reject and are never stored later, head() does not move, then everything continues",
    needs: "outage",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorder = await two.listen("a");
      const published = await publishEach(one, repeat("a", 5));
      await checkArrived(lab, recorder, published);
      await lab.stop();
      await untilStatus(lab, one, "down");
      await untilStatus(lab, two, "down");
      const standing = two.backend.head();
      await lab.within(
        "To refuse publishes while the server is unreachable",
        Promise.all(
          repeat("a", 5).map(async (channel) =>
            checkRejects(one.publish(channel), AWAY, "publish() while the server is unreachable"),
          ),
        ),
      );
      const away = [
        checkRejects(two.backend.read("a"), AWAY, "read() while the server is unreachable"),
        checkRejects(two.backend.readHead(), AWAY, "cursor() while the server is unreachable"),
      ];
      await lab.within("To refuse reads while the server is unreachable", Promise.all(away));
      await nothingHappens();
      checkEqual(two.backend.head(), standing, "head() MUST NOT move:");
      await lab.start();
      await untilStatus(lab, one, "up");
      await untilStatus(lab, two, "up");
      published.push(await one.insist("a"), await two.insist("a"));
      await checkArrived(lab, recorder, published);
      checkExactly((await one.backend.read("a")).messages, published, { topic: "a" });
      checkEqual([one.restarts, two.restarts], [[], []], "The data were kept, so no new epoch:");
      checkEqual(published.at(-1)?.epoch, published[0]?.epoch, "The data were kept:");
    },
  },
  {
    name: "outage: open() rejects while the server is unreachable, leaks nothing, and may be retried",
    needs: "outage",
    async run(lab) {
      const instance = await lab.connect();
      await lab.stop();
      const timers = watchTimers();
      try {
        for (let n = 0; n < ATTEMPTS; n++) {
          await lab.within(
            "To give up open() while the server is unreachable",
            checkRejects(instance.open(), AWAY, "open() while the server is unreachable"),
          );
        }
        await lab.until(
          `After ${ATTEMPTS} attempts to open(), their timers to end`,
          () => timers.active() < ATTEMPTS,
        );
      } finally {
        timers.restore();
      }
      await lab.start();
      await lab.within("open() once the server is back", instance.open());
      const recorder = await instance.listen("a");
      const published = [await instance.publish("a"), await (await lab.open()).publish("a")];
      await checkArrived(lab, recorder, published);
    },
  },
  {
    name: "outage: a subscription made during it is rejected, or is complete after it",
    needs: "outage",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const published = await publishEach(one, repeat("a", 3));
      await lab.stop();
      await untilStatus(lab, two, "down");
      const asked = two.listen("a").catch((error: unknown) => error as { code?: string });
      await Promise.race([asked, nothingHappens()]);
      await lab.start();
      const answer = await lab.within("A subscription asked for during an outage to settle", asked);
      if (!("topic" in answer)) {
        checkEqual(answer.code, "BACKEND_UNAVAILABLE", "It is refused with:");
      }
      await untilStatus(lab, two, "up");
      const recorder = "topic" in answer ? answer : await two.listen("a");
      published.push(await one.insist("a"));
      await checkArrived(lab, recorder, published);
    },
  },
  {
    name: "outage: through three outages under load, every stored message arrives once and in order",
    needs: "outage",
    async run(lab) {
      const instances = [await lab.open(), await lab.open()];
      const topics = ["a/1", "a/2", "a/*", "**"];
      const recorders = await Promise.all(
        instances.flatMap((each) => topics.map(async (topic) => each.listen(topic))),
      );
      const load = keepPublishing(lab, instances, ["a/1", "a/2", "b"]);
      const { published } = load;
      for (let n = 0; n < 3; n++) {
        const before = published.length;
        await lab.until("20 messages between outages", () => published.length > before + 20);
        await lab.stop();
        // One that is over before anybody noticed counts as well.
        const [instance] = instances;
        if (instance && n !== 1) await untilStatus(lab, instance, "down");
        await lab.start();
      }
      const before = published.length;
      await lab.until("20 messages after the outages", () => published.length > before + 20);
      await load.finish();
      for (const recorder of recorders) {
        await checkArrived(lab, recorder, published);
        checkEqual(recorder.losses, [], `"${recorder.topic}" has lost nothing:`);
      }
      for (const instance of instances) {
        checkEqual(instance.restarts, [], "The data were kept, so no new epoch:");
        await untilStatus(lab, instance, "up");
      }
    },
  },
];

export async function untilStatus(
  lab: Lab,
  { statuses }: Instance,
  status: "up" | "down",
): Promise<void> {
  await lab.until(`onStatus("${status}") to be called`, () => (statuses.at(-1) ?? "up") === status);
}
