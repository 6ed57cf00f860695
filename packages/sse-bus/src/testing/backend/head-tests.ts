import { topicCovers } from "../../core/channel-name.ts";
import type { BackendTest } from "./backend-test.ts";
import { check } from "./check.ts";
import { eventLoop, publishEach, publishLoad, repeat } from "./load.ts";
import { checkArrived } from "./recorder.ts";

export const headTests: readonly BackendTest[] = [
  {
    name: "head: it never runs ahead of what was delivered to every subscription",
    async run(lab) {
      const history = { maxMessages: 100_000 };
      const [one, two] = [await lab.open(history), await lab.open(history)];
      const topics = ["a/1", "a/2", "b", "a/*", "**"];
      const recorders = await Promise.all(topics.map(async (topic) => two.listen(topic)));
      let isDone = false;
      const load = publishLoad(lab, [one, two], {
        channels: ["a/1", "a/2", "b", "unheard/of"],
        messages: 600,
        until: () => isDone,
      });
      const samples = [];
      let last = 0;
      for (let n = 0; n < 100; n++) {
        await eventLoop();
        const { seq } = two.backend.head();
        check(seq >= last, `head() went back from ${last} to ${seq}.`);
        last = seq;
        samples.push({ seq, counts: recorders.map(({ messages }) => messages.length) });
      }
      isDone = true;
      const published = await load;
      for (const recorder of recorders) await checkArrived(lab, recorder, published);
      for (const [index, { topic, cursor }] of recorders.entries()) {
        const due = published
          .filter((each) => each.seq > cursor.seq && topicCovers(topic, each.channel))
          .map((each) => each.seq);
        for (const { seq, counts } of samples) {
          const dueThen = due.filter((each) => each <= seq).length;
          const received = counts[index] ?? 0;
          check(
            received >= dueThen,
            `head() was ${seq} when "${topic}" had received ${received} of ${dueThen} messages up to there.`,
          );
        }
      }
    },
  },
  {
    name: "head: it reaches the log's head on quiet subscriptions, and without any subscription",
    async run(lab) {
      const [one, quiet, idle] = [await lab.open(), await lab.open(), await lab.open()];
      await quiet.listen("quiet");
      for (let round = 0; round < 2; round++) {
        const [last] = (await publishEach(one, repeat("elsewhere", 5))).slice(-1);
        const head = last?.seq ?? 0;
        for (const { backend } of [one, quiet, idle]) {
          await lab.until(
            `head() to come to the head ${head}, so that a quiet reader's cursor does not go stale`,
            () => backend.head().seq >= head,
          );
        }
      }
    },
  },
  {
    name: "head: from open() on it is a cursor of the log's epoch, not ahead of its head",
    async run(lab) {
      const one = await lab.open();
      await publishEach(one, repeat("a", 3));
      const two = await lab.open();
      const own = two.backend.head();
      const head = await two.backend.readHead();
      check(own.epoch === head.epoch, `Its epoch is ${own.epoch}, the log's ${head.epoch}.`);
      check(own.seq <= head.seq, `head() ${own.seq} is ahead of the head ${head.seq}.`);
    },
  },
];
