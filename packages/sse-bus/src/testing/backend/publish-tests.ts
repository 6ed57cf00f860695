import { createMessage } from "../../core/message.ts";
import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual, fail } from "./check.ts";
import { publishEach, publishLoad, repeat } from "./load.ts";
import { bySeq, checkArrived, checkExactly, checkFollows } from "./recorder.ts";

const NAMES = [
  "a",
  "A",
  "a.b",
  "a/b",
  "a:b",
  "a~b",
  "a_b",
  "a-b",
  "a/",
  "/a",
  "a//b",
  "0",
  "-",
  "a~",
];

export const publishTests: readonly BackendTest[] = [
  {
    name: "publish: a message is in history for every instance when its publish resolves",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      for (let n = 0; n < 20; n++) {
        const published = await one.publish("orders/1");
        const { messages } = await two.backend.read("orders/1");
        const last = messages.at(-1);
        check(
          last?.seq === published.seq,
          `publish() MUST resolve only once the message is stored: read() of another instance ends at ${last?.seq}, not ${published.seq}.`,
        );
      }
    },
  },
  {
    name: "publish: positions increase, whichever instance publishes",
    async run(lab) {
      const instances = [await lab.open(), await lab.open()];
      let last = { seq: 0, time: 0 };
      for (let n = 0; n < 40; n++) {
        const next = await lab.random.pick(instances).publish(lab.random.pick(["a", "b", "c"]));
        checkFollows(next, last, "A publish that began after another had resolved");
        check(next.time >= last.time, "The time of positions MUST NOT step back.");
        check(Number.isSafeInteger(next.seq), `A position is a safe integer, not ${next.seq}.`);
        last = next;
      }
    },
  },
  {
    name: "publish: concurrent publishes of two instances get different positions, and history has them all",
    async run(lab) {
      const instances = [await lab.open(), await lab.open()];
      const channels = ["a", "b/c", "b/d"];
      const published = await publishLoad(lab, instances, {
        channels,
        messages: 60,
        publishers: 4,
      });
      checkEqual(
        new Set(published.map(({ seq }) => seq)).size,
        published.length,
        "Distinct places:",
      );
      for (const topic of [...channels, "b/*", "**"]) {
        const { messages } = await lab.random.pick(instances).backend.read(topic);
        checkExactly(messages, published, { topic });
      }
    },
  },
  {
    name: "publish: channel, event, key and data arrive byte for byte, live and from history",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const texts = ['"', "\\", "\u2028", "\0", "é", "💚", "a\nb", "", "x".repeat(100_000)];
      const values = [...texts, null, true, 1.5, [], {}, { "": [{}] }];
      const recorder = await two.listen("**");
      const published = [];
      for (const value of values) {
        const json = JSON.stringify(value);
        published.push(await one.publish("default", { json, event: "naïve: event", key: " k:💚" }));
        published.push(await one.publish("data", { json }));
      }
      await checkArrived(lab, recorder, published);
      const { epoch } = await one.backend.readHead();
      for (const message of (await two.backend.read("data")).messages) {
        const source = published.find(({ seq }) => seq === message.seq) ?? fail("Unknown message");
        const { frame } = createMessage(source, message, epoch);
        check(
          frame.length === message.frame.length &&
            frame.every((byte, i) => byte === message.frame[i]),
          "A frame from history MUST be what createMessage() makes of the record.",
        );
      }
    },
  },
  {
    name: "publish: raw data arrives unchanged, live and from history, and JSON stays JSON",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorder = await two.listen("**");
      const texts = [
        "",
        "<li>a</li>",
        "\n",
        "a\n",
        "\n\na",
        " a\n  b",
        "data: a\nid: 1",
        "é💚\u2028",
        '"1"',
      ];
      const published = [];
      for (const [index, text] of texts.entries()) {
        const json = JSON.stringify(text);
        published.push(await one.publish("default", { json, raw: true }));
        published.push(
          await one.publish("a/b", { json, raw: true, event: "row", key: `k${index}` }),
        );
        published.push(await one.publish("a/b", { json }));
      }
      await checkArrived(lab, recorder, published);
      checkExactly((await one.backend.read("a/b")).messages, published, { topic: "a/b" });
      checkExactly((await two.backend.read("default")).messages, published, { topic: "default" });
    },
  },
  {
    name: "publish: channels with similar names are different channels",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const names = [...NAMES, "x".repeat(200), `${"x".repeat(199)}X`];
      const recorders = await Promise.all(names.map(async (name) => two.listen(name)));
      const published = await publishEach(one, [...names, ...names.toReversed()]);
      for (const recorder of recorders) {
        await checkArrived(lab, recorder, published);
        const { messages } = await two.backend.read(recorder.topic);
        checkExactly(messages, published, { topic: recorder.topic });
      }
    },
  },
  {
    name: "cursor: it is the head, read from the log itself",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const before = await two.backend.readHead();
      const published = await publishEach(one, repeat("a", 10));
      const last = published.toSorted(bySeq).at(-1) ?? fail("Nothing published");
      checkFollows(last, before, "A message published after cursor()");
      const after = await two.backend.readHead();
      check(
        after.seq >= last.seq,
        `cursor() MUST be at or after ${last.seq}, and is ${after.seq}.`,
      );
      checkEqual(after.epoch, last.epoch, "One log has one epoch:");
      check(/^[0-9a-z]{1,16}$/.test(after.epoch), `An epoch is 1 to 16 of 0-9 a-z: ${after.epoch}`);
    },
  },
];
