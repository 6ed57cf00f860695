import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual } from "./check.ts";
import { repeat } from "./load.ts";
import { checkArrived, checkExactly } from "./recorder.ts";

/** Channels and ids that would be one if they were only joined, folded or cut. */
const LOOK_ALIKES: readonly (readonly [channel: string, id: string])[] = [
  ["m/1", "order-42-paid"],
  ["orders/42", "order-42-paid"],
  ["a", "b/c"],
  ["a/b", "c"],
  ["a", "b:c"],
  ["a:b", "c"],
  ["a", "c"],
  ["a", "C"],
  ["a", " c"],
  ["a", "c "],
  ["a", "c@a"],
  ["a", "c%40a"],
  ["a", "\nc"],
  ["a", "ada\nc"],
  ["a", `${"x".repeat(400)}1`],
  ["a", `${"x".repeat(400)}2`],
];

export const idempotencyTests: readonly BackendTest[] = [
  {
    name: "idempotency: an id seen before gives the first result, and stores and delivers nothing",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorder = await two.listen("**");
      const first = await one.publish("a", { id: "order 42 💚" });
      checkEqual(first.duplicate, false, "The first of an id is no duplicate:");
      for (const instance of [one, two]) {
        // Whatever its other options: a retry may have computed its key again.
        for (const key of [undefined, "k"]) {
          const again = await instance.publish("a", { id: "order 42 💚", key });
          checkEqual(
            { ...again, json: "", key: "" },
            { ...first, json: "", key: "", duplicate: true },
            "A repeated id MUST give the first message's place, as duplicate:",
          );
        }
      }
      const other = await one.publish("a", { id: "order 43" });
      const published = [first, other, await two.publish("b")];
      await checkArrived(lab, recorder, published);
      checkExactly((await two.backend.read("**")).messages, published, { topic: "**" });
    },
  },
  {
    name: "idempotency: an id belongs to its channel, and never matches one of another channel",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorder = await two.listen("**");
      const published = [];
      for (const [channel, id] of LOOK_ALIKES) published.push(await one.publish(channel, { id }));
      const found = published.filter(({ duplicate }) => duplicate);
      checkEqual(
        found.map(({ channel }) => channel),
        [],
        "An id MUST be looked for on the channel of the publish alone, and be compared exactly:",
      );
      for (const [index, [channel, id]] of LOOK_ALIKES.entries()) {
        const again = await two.publish(channel, { id });
        checkEqual(
          { ...again, json: "" },
          { ...published[index], json: "", duplicate: true },
          "Each channel MUST remember its own first message of an id:",
        );
      }
      await checkArrived(lab, recorder, published);
    },
  },
  {
    name: "idempotency: of many concurrent publishes with one id, from two instances, one is stored",
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
    name: "idempotency: messages without an id are never repeats",
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
