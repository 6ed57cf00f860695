import { topicCovers } from "../../core/channel-name.ts";
import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual, checkRejects } from "./check.ts";
import { eventLoop, keepPublishing, publishEach, repeat } from "./load.ts";
import { untilStatus } from "./outage-tests.ts";
import { checkArrived } from "./recorder.ts";

const TOPICS = ["a/1", "a/2", "a/*", "**"];
const CHANNELS = ["a/1", "a/2", "b"];

export const partitionTests: readonly BackendTest[] = [
  {
    name: "recovery: a disconnected instance receives what it missed, in order, before it is up again",
    needs: "partition",
    async run(lab) {
      const [cut, other] = [await lab.open(), await lab.open()];
      const recorders = await Promise.all(TOPICS.map(async (topic) => cut.listen(topic)));
      const published = await publishEach(other, repeat(CHANNELS, 5).flat());
      for (const recorder of recorders) await checkArrived(lab, recorder, published);
      for (let round = 0; round < 2; round++) {
        await lab.cut(cut);
        await untilStatus(lab, cut, "down");
        const standing = cut.backend.head().seq;
        await lab.within(
          "To refuse a publish while cut off",
          checkRejects(cut.publish("b"), ["BACKEND_UNAVAILABLE"], "publish() while cut off"),
        );
        published.push(...(await publishEach(other, repeat(CHANNELS, 10).flat())));
        checkEqual(cut.backend.head().seq, standing, "While cut off, head() MUST stand still:");
        const missed = published.slice();
        await lab.mend(cut);
        const more = publishEach(other, repeat(CHANNELS, 10).flat());
        await untilStatus(lab, cut, "up");
        for (const { topic, cursor, messages } of recorders) {
          const due = missed.filter(
            ({ channel, seq }) => topicCovers(topic, channel) && seq > cursor.seq,
          ).length;
          check(
            messages.length >= due,
            `"up" was reported when "${topic}" had received ${messages.length} of ${due} messages.`,
          );
        }
        published.push(...(await more));
        for (const recorder of recorders) await checkArrived(lab, recorder, published);
      }
      for (const { topic, losses } of recorders) checkEqual(losses, [], `"${topic}" lost nothing:`);
      checkEqual(cut.restarts, [], "The log is the same one:");
    },
  },
  {
    name: "recovery: what history no longer keeps is reported as lost, and the rest is delivered",
    needs: "partition",
    async run(lab) {
      const history = { maxMessages: 10 };
      const [cut, other] = [await lab.open(history), await lab.open(history)];
      const recorders = await Promise.all(["a/1", "a/2", "a/*"].map(async (t) => cut.listen(t)));
      const published = await publishEach(other, ["a/1", "a/2"]);
      for (const recorder of recorders) await checkArrived(lab, recorder, published);
      await lab.cut(cut);
      await untilStatus(lab, cut, "down");
      // Of a/1 more than any trimming in steps would keep; of a/2 nothing is dropped.
      published.push(...(await publishEach(other, repeat("a/1", 400))));
      published.push(...(await publishEach(other, repeat("a/2", 5))));
      await lab.mend(cut);
      await untilStatus(lab, cut, "up");
      published.push(...(await publishEach(other, ["a/1", "a/2"])));
      const last = published.at(-1)?.seq ?? 0;
      await lab.until("The newest message to be fed", () =>
        recorders.every(({ topic, messages }) => topic === "a/1" || messages.at(-1)?.seq === last),
      );
      for (const { topic, cursor, messages, losses } of recorders) {
        const fed = new Set(messages.map(({ seq }) => seq));
        const missing = published.filter(
          ({ channel, seq }) => topicCovers(topic, channel) && seq > cursor.seq && !fed.has(seq),
        );
        const reported = Math.max(0, ...losses);
        const newest = missing.at(-1)?.seq ?? 0;
        check(
          reported >= newest,
          `"${topic}" misses ${newest}; lost() reported up to ${reported}.`,
        );
        if (topic === "a/2") checkEqual(losses, [], "Nothing of a/2 was lost:");
        const due = published.filter(({ channel }) => channel === "a/1").slice(-10);
        check(
          topic === "a/2" || due.every(({ seq }) => fed.has(seq)),
          `"${topic}" lacks kept ones.`,
        );
      }
    },
  },
  {
    name: "recovery: repeatedly disconnected instances under load miss nothing and receive nothing twice",
    needs: "partition",
    async run(lab) {
      const instances = [await lab.open(), await lab.open(), await lab.open()];
      const recorders = await Promise.all(
        instances.flatMap((each) => TOPICS.map(async (topic) => each.listen(topic))),
      );
      const load = keepPublishing(lab, instances, CHANNELS);
      const { published } = load;
      for (let n = 0; n < 6; n++) {
        const instance = lab.random.pick(instances);
        await lab.cut(instance);
        for (let turn = lab.random.below(30); turn > 0; turn--) await eventLoop();
        // Topics come and go while the network does.
        const extra = instance.listen("b").then(
          (recorder) => recorder.close(),
          () => {},
        );
        await lab.mend(instance);
        await lab.within("A subscription asked for while cut off to settle", extra);
        const before = published.length;
        await lab.until("10 messages more", () => published.length > before + 10);
      }
      await load.finish();
      for (const recorder of recorders) {
        await checkArrived(lab, recorder, published);
        checkEqual(recorder.losses, [], `"${recorder.topic}" has lost nothing:`);
      }
      for (const instance of instances) await untilStatus(lab, instance, "up");
    },
  },
];
