import { topicCovers } from "../../core/channel-name.ts";
import type { BackendTest } from "./backend-test.ts";
import { check } from "./check.ts";
import type { TestPublished } from "./test-message.ts";
import { eventLoop, nothingHappens, publishEach, publishLoad } from "./load.ts";
import { checkArrived, checkExactly } from "./recorder.ts";

const CHANNELS = ["a", "b", "a/1", "a/2", "a/1/x", "b/1", "b/1/x/y"];
/** Room for everything these tests publish, so that nothing missing can be called dropped. */
const ROOMY = { maxMessages: 100_000, maxBytes: 1_000_000_000 };
const PATTERNS = ["*", "**", "a/*", "a/**", "*/1", "*/*/x", "b/1/**", "*/1/**"];

export const liveTests: readonly BackendTest[] = [
  {
    name: "subscribe: what is published after it resolves arrives, and nothing older",
    async run(lab) {
      const [one, two] = [await lab.open(ROOMY), await lab.open(ROOMY)];
      for (let n = 0; n < 15; n++) {
        const topic = `room/${n}`;
        const before = await one.publish(topic);
        const recorder = await two.listen(topic);
        const after = await one.publish(topic);
        check(
          recorder.cursor.seq < after.seq,
          `The cursor ${recorder.cursor.seq} is not before ${after.seq}, which came after it.`,
        );
        await checkArrived(lab, recorder, [before, after]);
      }
    },
  },
  {
    name: "subscribe: history up to its cursor and live messages after it join without loss or duplicates, while many publish",
    async run(lab) {
      const instances = [await lab.open(ROOMY), await lab.open(ROOMY)];
      let isDone = false;
      const load = publishLoad(lab, instances, {
        channels: CHANNELS,
        messages: 2000,
        until: () => isDone,
      });
      const joins = [];
      for (let n = 0; n < 40; n++) {
        const instance = lab.random.pick(instances);
        const topic = lab.random.chance(0.6)
          ? lab.random.pick(CHANNELS)
          : lab.random.pick(PATTERNS);
        const recorder = await instance.listen(topic);
        if (lab.random.chance(0.5)) await eventLoop();
        const history = await lab.within("read()", instance.backend.read(topic));
        joins.push({ recorder, history });
        if (lab.random.chance(0.3)) await eventLoop();
      }
      isDone = true;
      const published = await load;
      for (const { recorder, history } of joins) {
        await checkArrived(lab, recorder, published);
        const { topic, cursor, messages } = recorder;
        const older = history.messages.filter(({ seq }) => seq <= cursor.seq);
        checkExactly([...older, ...messages], published, { topic });
        // What history has beyond the cursor must agree with what came live.
        const end = history.messages.at(-1)?.seq ?? 0;
        checkExactly(
          history.messages,
          published.filter(({ seq }) => seq <= end),
          { topic },
        );
      }
    },
  },
  {
    name: "subscribe: all subscriptions of an instance receive messages in the order of positions",
    async run(lab) {
      const [one, two] = [await lab.open(ROOMY), await lab.open(ROOMY)];
      const channels = Array.from({ length: 30 }, (_, n) => `${lab.random.pick(CHANNELS)}/${n}`);
      // The recorders compare each message with those delivered to other feeds of the instance.
      const topics = [...channels, ...PATTERNS];
      const recorders = await Promise.all(
        [one, two].flatMap((each) => topics.map(async (topic) => each.listen(topic))),
      );
      const published = await publishLoad(lab, [one, two], {
        channels,
        publishers: 5,
        messages: 100,
      });
      for (const recorder of recorders) await checkArrived(lab, recorder, published);
    },
  },
  {
    name: "subscribe: patterns cover exactly their channels, live and in history",
    async run(lab) {
      const [one, two] = [await lab.open(ROOMY), await lab.open(ROOMY)];
      const recorders = await Promise.all(
        [...PATTERNS, ...CHANNELS].map(async (topic) => two.listen(topic)),
      );
      const published = await publishEach(one, [...CHANNELS, ...CHANNELS]);
      for (const recorder of recorders) {
        const { topic } = recorder;
        await checkArrived(lab, recorder, published);
        checkExactly((await two.backend.read(topic)).messages, published, { topic });
      }
    },
  },
  {
    name: "subscribe: closing, also twice, ends one subscription and no other",
    async run(lab) {
      const [one, two] = [await lab.open(ROOMY), await lab.open(ROOMY)];
      const [closed, open, covering] = [
        await two.listen("a/1"),
        await two.listen("a/2"),
        await two.listen("a/*"),
      ];
      const published = await publishEach(one, ["a/1", "a/2"]);
      await checkArrived(lab, closed, published);
      closed.close();
      closed.close();
      published.push(...(await publishEach(one, ["a/1", "a/2", "a/1", "a/2"])));
      await checkArrived(lab, open, published);
      await checkArrived(lab, covering, published);
      await nothingHappens();
      check(closed.messages.length === 1, "A closed subscription MUST NOT be fed.");
    },
  },
  {
    name: "subscribe: topics that cover the same channels each receive messages until they are closed",
    async run(lab) {
      const [one, two] = [await lab.open(ROOMY), await lab.open(ROOMY)];
      const topics = ["a/*", "a/**", "**", "*"];
      const recorders = await Promise.all(topics.map(async (topic) => two.listen(topic)));
      // Those that come to what is live already, one after another.
      for (const topic of ["b/**", "b/*", "b/**/x"]) recorders.push(await two.listen(topic));
      const published = await publishEach(one, ["a/1", "b/1", "b/1/x", "c"]);
      for (let index = 0; index < recorders.length; index += 2) recorders[index]?.close();
      published.push(...(await publishEach(one, ["a/1", "b/1", "b/1/x", "c"])));
      for (let index = 1; index < recorders.length; index += 2) {
        await checkArrived(lab, recorders[index] as (typeof recorders)[number], published);
      }
    },
  },
  {
    name: "subscribe: topics that are closed and immediately subscribed again miss nothing, while many publish",
    async run(lab) {
      const [one, two] = [await lab.open(ROOMY), await lab.open(ROOMY)];
      let isDone = false;
      const channels = ["a/1", "a/2", "b"];
      const load = publishLoad(lab, [one], { channels, messages: 3000, until: () => isDone });
      const kept = await two.listen("a/1");
      const rounds: { recorder: typeof kept; until: number }[] = [];
      for (let n = 0; n < 60; n++) {
        const recorder = await two.listen(lab.random.pick(["a/1", "a/2", "b", "a/*", "**"]));
        if (lab.random.chance(0.7)) await eventLoop();
        // Nothing may be missing up to the newest message delivered to the instance.
        rounds.push({ recorder, until: two.backend.head().seq });
        if (lab.random.chance(0.8)) recorder.close();
      }
      isDone = true;
      const published = await load;
      for (const { recorder, until } of rounds) {
        const { topic, cursor, messages } = recorder;
        const upTo = (each: { seq: number }): boolean => each.seq <= until;
        checkExactly(messages.filter(upTo), published.filter(upTo), { topic, after: cursor.seq });
      }
      await checkArrived(lab, kept, published);
    },
  },
  {
    name: "subscribe: two feeds of one topic both receive messages, and each closes separately",
    async run(lab) {
      const [one, two] = [await lab.open(ROOMY), await lab.open(ROOMY)];
      const [first, second] = await Promise.all([two.listen("a"), two.listen("a")]);
      const published = await publishEach(one, ["a", "a"]);
      await checkArrived(lab, first, published);
      await checkArrived(lab, second, published);
      first.close();
      published.push(...(await publishEach(one, ["a", "a"])));
      await checkArrived(lab, second, published);
    },
  },
  {
    name: "read: it returns everything whose publish had resolved, without a gap, while many publish",
    async run(lab) {
      const instances = [await lab.open(ROOMY), await lab.open(ROOMY)];
      const resolved: TestPublished[] = [];
      let isDone = false;
      const load = publishLoad(lab, instances, {
        channels: CHANNELS,
        messages: 1000,
        until: () => isDone,
      });
      const reads = [];
      for (let n = 0; n < 25; n++) {
        const mine = await lab.random.pick(instances).publish(lab.random.pick(CHANNELS));
        resolved.push(mine);
        const topic = lab.random.chance(0.5) ? mine.channel : lab.random.pick(PATTERNS);
        const due = resolved.filter(({ channel }) => topicCovers(topic, channel));
        const { messages } = await lab.random.pick(instances).backend.read(topic);
        reads.push({ topic, messages, due: due.at(-1)?.seq ?? 0 });
      }
      isDone = true;
      const published = [...resolved, ...(await load)];
      for (const { topic, messages, due } of reads) {
        const end = messages.at(-1)?.seq ?? 0;
        check(end >= due, `read("${topic}") ends at ${end}; ${due} had been published before it.`);
        const upTo = published.filter(({ seq }) => seq <= end);
        checkExactly(messages, upTo, { topic });
      }
    },
  },
];
