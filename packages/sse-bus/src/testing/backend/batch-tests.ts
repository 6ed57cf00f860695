import type { Outcome, Stored } from "../../core/backend.ts";
import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual } from "./check.ts";
import type { Instance } from "./instance.ts";
import type { Lab } from "./lab.ts";
import { eventLoop } from "./load.ts";
import { checkArrived, checkExactly, checkFollows } from "./recorder.ts";
import type { TestPublished } from "./test-message.ts";

const CHANNELS = ["a", "b/c", "b/d"];

export const batchTests: readonly BackendTest[] = [
  {
    name: "batch: messages have positions in the order given, and arrive once, while others publish",
    async run(lab) {
      const instances = [await lab.open(), await lab.open()];
      const recorders = await Promise.all(
        ["a", "b/*", "**"].map(async (topic) => lab.random.pick(instances).listen(topic)),
      );
      const published: TestPublished[] = [];
      const publish = async (instance: Instance): Promise<void> => {
        for (let round = 0; round < 8; round++) {
          const batch = Array.from({ length: lab.random.below(20) }, () => ({
            channel: lab.random.pick(CHANNELS),
            ...(lab.random.chance(0.2) && { key: "k", event: "row" }),
          }));
          const calls = [instance.publishMany(batch)];
          if (lab.random.chance(0.5)) calls.push(instance.publish("a").then((one) => [one]));
          for (const stored of await Promise.all(calls)) {
            for (const [index, message] of stored.entries()) {
              const before = stored[index - 1];
              if (before) checkFollows(message, before, "A message after another one of its batch");
            }
            published.push(...stored);
          }
          if (lab.random.chance(0.3)) await eventLoop();
        }
      };
      await Promise.all([...instances, ...instances].map(publish));
      for (const recorder of recorders) await checkArrived(lab, recorder, published);
      const single = published.filter(({ key }) => key === undefined);
      for (const { channel } of single.slice(-3)) {
        const { messages } = await lab.random.pick(instances).backend.read(channel);
        checkExactly(
          messages.filter(({ key }) => key === undefined),
          single,
          { topic: channel },
        );
      }
      if (!instances[0]?.backend.publishMany) return;
      const largest = Array.from({ length: 1000 }, (_, n) => ({ channel: CHANNELS[n % 3] ?? "a" }));
      const stored = await lab.within("A batch of 1,000", instances[0].publishMany(largest));
      for (const recorder of recorders)
        await checkArrived(lab, recorder, [...published, ...stored]);
    },
  },
  {
    name: "batch: an id of the batch or of an earlier publish gives the first result, and stores nothing",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorder = await two.listen("**");
      const first = await one.publish("a", { id: "1" });
      const batch = [
        { channel: "a", id: "2" },
        { channel: "a", id: "1" },
        { channel: "b", id: "1" },
        { channel: "a", id: "2" },
        { channel: "a" },
      ];
      const stored = await two.publishMany(batch);
      checkEqual(
        stored.map(({ duplicate }) => duplicate),
        [false, true, false, true, false],
        "Repeats in a batch:",
      );
      checkEqual(stored[1]?.seq, first.seq, "The place of the earlier publish:");
      checkEqual(stored[3]?.seq, stored[0]?.seq, "The place of the first one in the batch:");
      checkEqual(stored[3]?.time, stored[0]?.time, "Its time:");
      const again = await one.publishMany(batch.slice(0, 4));
      checkEqual(
        again.map(({ seq, duplicate }) => [seq, duplicate]),
        stored.slice(0, 4).map(({ seq }) => [seq, true]),
        "The same batch again:",
      );
      const published = [first, ...stored, await one.publish("b")];
      await checkArrived(lab, recorder, published);
      checkExactly((await one.backend.read("**")).messages, published, { topic: "**" });
    },
  },
  {
    name: "batch: if its instance is cut off, it is stored as a whole or not at all, or the backend says what is stored",
    needs: "partition",
    async run(lab) {
      const [cut, other] = [await lab.open(), await lab.open()];
      const recorder = await other.listen("**");
      const published: TestPublished[] = [];
      const state = { isDone: false };
      const publish = async (): Promise<void> => {
        while (!state.isDone) {
          published.push(...(await insistOnBatch(lab, cut)));
          lab.changed();
          await eventLoop();
        }
      };
      const publishing = Promise.all([publish(), publish(), publish()]);
      publishing.catch(() => {});
      for (let round = 0; round < 5; round++) {
        const before = published.length;
        await Promise.race([
          publishing,
          lab.until("Batches before a cut", () => published.length > before + 20),
        ]);
        await lab.cut(cut);
        for (let turn = lab.random.below(20); turn > 0; turn--) await eventLoop();
        await lab.mend(cut);
      }
      state.isDone = true;
      await publishing;
      await checkArrived(lab, recorder, published);
    },
  },
];

/** Publishes a batch until all of it is stored, and checks what failed attempts have stored. */
async function insistOnBatch(lab: Lab, instance: Instance): Promise<TestPublished[]> {
  const batch = Array.from({ length: 5 }, () => {
    const json = String(lab.nextValue());
    return { channel: lab.random.pick(CHANNELS), id: `batch ${json}`, json };
  });
  const known = new Map<number, number>();
  let isPart = false;
  const deadline = Date.now() + lab.timeoutMs;
  for (;;) {
    const outcomes: readonly Outcome[] = await instance
      .tryMany(batch)
      .catch((error: { code?: string }) => {
        if (error.code !== "BACKEND_UNAVAILABLE" || Date.now() > deadline) throw error;
        return [];
      });
    for (const [index, seq] of known) {
      const outcome = outcomes[index];
      if (!outcome || "error" in outcome) continue;
      checkEqual(outcome.seq, seq, "A message that the backend had named as stored is at:");
    }
    for (const [index, outcome] of outcomes.entries()) {
      if (!("error" in outcome)) known.set(index, outcome.seq);
    }
    const stored = outcomes.filter(isStored);
    isPart ||= stored.length < outcomes.length;
    if (stored.length === batch.length) {
      const repeats = stored.filter(({ duplicate }) => duplicate).length;
      check(
        isPart || repeats === 0 || repeats === batch.length,
        `A publishMany() that rejected has stored ${repeats} of ${batch.length} messages. It MUST store all or none, or resolve and say which are not stored.`,
      );
      // A repeat of its own attempt, whose answer was lost, is the message itself.
      return stored.map((each, index) => ({
        ...(batch[index] as (typeof batch)[number]),
        event: "message",
        key: undefined,
        raw: false,
        ...each,
        duplicate: false,
      }));
    }
    check(Date.now() < deadline, "A batch MUST be stored once its instance is connected again.");
    await eventLoop();
  }
}

function isStored(outcome: Outcome): outcome is Stored {
  return !("error" in outcome);
}
