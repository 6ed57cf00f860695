import { createHistoryResolver, type HistoryResolver } from "../../core/history.ts";
import { startTimeout } from "../../core/timers.ts";
import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual } from "./check.ts";
import { nothingHappens, publishEach, repeat } from "./load.ts";
import { untilStatus } from "./outage-tests.ts";
import { checkArrived, checkExactly } from "./recorder.ts";

const PATTERNS = ["**", "*", "*/1", "*/**"];
/** The longest names are those of a prefix and a channel of 200 characters. */
const RESERVED = ["~a", "~a/1", `~presence-of-channel/${"x".repeat(199)}`];
const ORDINARY = ["a", "a/1", "a~/1"];

export const reservedTests: readonly BackendTest[] = [
  {
    name: "reserved: a channel whose name begins with ~ is delivered and kept, with up to 220 characters",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorders = await Promise.all(RESERVED.map(async (topic) => two.listen(topic)));
      const published = await publishEach(one, repeat(RESERVED, 3).flat());
      published.push(await two.publish("~a", { key: "k", event: "join", id: "once" }));
      published.push(await one.publish("~a", { key: "k", event: "join", id: "once" }));
      check(published.at(-1)?.duplicate === true, "The second publish of an id is a duplicate.");
      for (const recorder of recorders) {
        await checkArrived(lab, recorder, published);
        const { topic } = recorder;
        checkExactly((await one.backend.read(topic)).messages, published, { topic });
      }
    },
  },
  {
    name: "reserved: no pattern covers such a channel, live or in history, and the order of all is one",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const topics = [...PATTERNS, ...RESERVED, ...ORDINARY];
      // The recorders hold each message against what was sent to any other feed of the instance.
      const recorders = await Promise.all(topics.map(async (topic) => two.listen(topic)));
      const published = await publishEach(one, repeat([...RESERVED, ...ORDINARY], 3).flat());
      for (const recorder of recorders) {
        await checkArrived(lab, recorder, published);
        const { topic } = recorder;
        checkExactly((await two.backend.read(topic)).messages, published, { topic });
      }
      await nothingHappens();
      for (const { topic, messages } of recorders) {
        const foreign = messages.find(
          ({ channel }) => channel.startsWith("~") !== topic.startsWith("~"),
        );
        check(!foreign, `"${topic}" MUST NOT receive messages of "${foreign?.channel}".`);
      }
    },
  },
  {
    name: "reserved: its limits are those that `history` gives for its name, also when others keep less",
    async run(lab) {
      const limits = limitsWith({ maxMessages: 160 }, { maxMessages: 10 });
      const [one, two] = [await lab.open(limits), await lab.open(limits)];
      const published = await publishEach(one, repeat("~a", 200));
      await publishEach(one, repeat("b", 20));
      const { messages, horizon } = await two.backend.read("~a");
      const kept = new Set(messages.map(({ seq }) => seq));
      const missing = published.slice(-160).find(({ seq }) => !kept.has(seq));
      check(!missing, `"~a" keeps 160 messages, and has lost ${missing?.seq}, one of them.`);
      const dropped = published.findLast(({ seq }) => !kept.has(seq))?.seq ?? 0;
      check(horizon >= dropped, `"~a" has dropped ${dropped}, and its horizon is only ${horizon}.`);
    },
  },
  {
    name: "reserved: what it drops is no loss of a pattern or of another channel",
    async run(lab) {
      const limits = limitsWith({ maxMessages: 10, maxAgeMs: 300 }, {});
      const [one, two] = [await lab.open(limits), await lab.open(limits)];
      const published = await publishEach(one, ORDINARY);
      const start = await one.backend.readHead();
      const recorders = await Promise.all(PATTERNS.map(async (topic) => two.listen(topic)));
      const dropped = await publishEach(one, repeat(["~a", "~b/1"], 400).flat());
      // By age the rest goes, too, and with it all that a server knows of these channels.
      await new Promise((resolve) => startTimeout(resolve, 1500));
      published.push(...(await publishEach(one, ["a", "~c"])));
      for (const recorder of recorders) {
        await checkArrived(lab, recorder, published);
        checkEqual(recorder.losses, [], `"${recorder.topic}" lost nothing:`);
      }
      for (const topic of [...PATTERNS, ...ORDINARY, "never"]) {
        const { horizon } = await two.backend.read(topic);
        check(
          horizon <= start.seq,
          `"${topic}" dropped nothing, so a reader that has seen ${start.seq} MUST NOT get a gap: its horizon is ${horizon}.`,
        );
      }
      const last = dropped.findLast(({ channel }) => channel === "~a")?.seq ?? 0;
      const { messages, horizon } = await two.backend.read("~a");
      checkEqual(messages.length, 0, '"~a" still has messages of five times its `maxAgeMs`:');
      check(horizon >= last, `"~a" has dropped ${last}, and its horizon is only ${horizon}.`);
    },
  },
  {
    name: "reserved: its messages move the head, also of instances that have no subscription to it",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorder = await two.listen("**");
      const published = await publishEach(one, repeat(["~a", "b", "~a"], 5).flat());
      const last = published.at(-1)?.seq ?? 0;
      const { seq } = await two.backend.readHead();
      check(seq >= last, `readHead() MUST be at or after ${last}, and is ${seq}.`);
      await lab.until(`head() to come to the head ${last}`, () => two.backend.head().seq >= last);
      await checkArrived(lab, recorder, published);
    },
  },
  {
    name: "reserved: an instance that was cut off is fed what it missed of it, and patterns are not",
    needs: "partition",
    async run(lab) {
      const [cut, other] = [await lab.open(), await lab.open()];
      const topics = ["~a", "~b", "**", "a"];
      const recorders = await Promise.all(topics.map(async (topic) => cut.listen(topic)));
      const published = await publishEach(other, ["~a", "~b", "a"]);
      for (const recorder of recorders) await checkArrived(lab, recorder, published);
      await lab.cut(cut);
      await untilStatus(lab, cut, "down");
      published.push(...(await publishEach(other, repeat(["~a", "a", "~b"], 10).flat())));
      await lab.mend(cut);
      await untilStatus(lab, cut, "up");
      published.push(...(await publishEach(other, ["~a", "a", "~b"])));
      for (const recorder of recorders) {
        await checkArrived(lab, recorder, published);
        checkEqual(recorder.losses, [], `"${recorder.topic}" lost nothing:`);
      }
    },
  },
];

/** Limits for reserved channels, and for all others. */
function limitsWith(
  reserved: Parameters<typeof createHistoryResolver>[0],
  ordinary: Parameters<typeof createHistoryResolver>[0],
): HistoryResolver {
  // The bus's own resolver has limits of its own for them, which no test could reach.
  const ofReserved = createHistoryResolver(reserved)("");
  const ofOrdinary = createHistoryResolver(ordinary);
  return (channel) => (channel.startsWith("~") ? ofReserved : ofOrdinary(channel));
}
