import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual } from "./check.ts";
import { repeat } from "./load.ts";
import { checkArrived, checkExactly } from "./recorder.ts";

export const idempotencyTests: readonly BackendTest[] = [
  {
    name: "idempotency: an id seen before gives the first result, and stores and announces nothing",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorder = await two.listen("**");
      const first = await one.publish("a", { id: "order 42 💚" });
      checkEqual(first.duplicate, false, "The first of an id is no duplicate:");
      for (const [instance, channel] of [
        [one, "a"],
        [two, "a"],
        [two, "b"],
      ] as const) {
        const again = await instance.publish(channel, { id: "order 42 💚" });
        checkEqual(
          { ...again, json: "", channel: again.channel },
          { ...first, json: "", duplicate: true },
          "A repeated id MUST give the first message's place and channel, as duplicate:",
        );
      }
      const other = await one.publish("a", { id: "order 43" });
      const published = [first, other, await two.publish("b")];
      await checkArrived(lab, recorder, published);
      checkExactly((await two.backend.read("**")).messages, published, { topic: "**" });
    },
  },
  {
    name: "idempotency: of many publishes with one id at once, from two instances, one is stored",
    async run(lab) {
      const instances = [await lab.open(), await lab.open()];
      const recorder = await instances[1]!.listen("a");
      const published = [];
      for (let round = 0; round < 10; round++) {
        const id = `round ${round}`;
        const sent = repeat(instances, 8).flat();
        const results = await Promise.all(
          sent.map(async (each) => each.publish("a", { id, json: "1" })),
        );
        const stored = results.filter(({ duplicate }) => !duplicate);
        checkEqual(stored.length, 1, `Of ${sent.length} publishes with one id, stored:`);
        checkEqual(
          new Set(results.map(({ seq }) => seq)).size,
          1,
          "All have the first one's place:",
        );
        published.push(...stored, await instances[0]!.publish("a"));
      }
      await checkArrived(lab, recorder, published);
      checkExactly((await instances[0]!.backend.read("a")).messages, published, { topic: "a" });
    },
  },
  {
    name: "idempotency: messages without an id are never taken for repeats",
    async run(lab) {
      const instance = await lab.open();
      const same = { json: "1", key: "k" };
      const first = await instance.publish("a", same);
      const second = await instance.publish("a", same);
      check(!first.duplicate && !second.duplicate, "Without an id there are no duplicates.");
      check(second.seq > first.seq, "Each has a place of its own.");
    },
  },
];
