import type { History } from "../../core/backend.ts";
import type { LogMessage } from "../../core/message.ts";
import { readPage } from "../../core/read-page.ts";
import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual, fail } from "./check.ts";
import type { TestPublished } from "./test-message.ts";
import { publishEach, repeat } from "./load.ts";
import { bySeq, checkArrived, checkExactly } from "./recorder.ts";
import { startTimeout } from "../../core/timers.ts";

/** A backend may trim in steps; beyond this it does not trim. */
const maxKept = (limit: number): number => 2 * limit + 128;

export const historyTests: readonly BackendTest[] = [
  {
    name: "history: a channel keeps its newest `maxMessages`, and its horizon covers what it dropped",
    async run(lab) {
      const history = { maxMessages: 20, channels: { "big/**": { maxMessages: 60 } } };
      const [one, two] = [await lab.open(history), await lab.open(history)];
      const start = await one.backend.readHead();
      const quiet = await publishEach(one, repeat("quiet", 5));
      const small = await publishEach(one, repeat("small", 400));
      const big = await publishEach(two, repeat("big/1", 600));

      checkKept(await two.backend.read("small"), small, 20);
      checkKept(await one.backend.read("big/1"), big, 60);
      const kept = await two.backend.read("quiet");
      checkExactly(kept.messages, quiet, { topic: "quiet" });
      for (const topic of ["quiet", "never"]) {
        const { horizon } = await two.backend.read(topic);
        check(
          horizon <= start.seq,
          `"${topic}" dropped nothing, so a reader that has seen ${start.seq} MUST NOT get a gap: its horizon is ${horizon}.`,
        );
      }
      const all = await one.backend.read("**");
      const missing = missingFrom(all, [...quiet, ...small, ...big]).at(-1)?.seq ?? 0;
      check(all.horizon >= missing, `"**" lacks ${missing}; its horizon is only ${all.horizon}.`);
    },
  },
  {
    name: "history: pages of a channel are all that is kept, in order",
    async run(lab) {
      const instance = await lab.open();
      const json = JSON.stringify("x".repeat(1_000));
      const published = await publishEach(instance, repeat("a", 60), { json });
      await publishEach(instance, repeat("b", 20), { json });
      for (const maxBytes of [1, 5_000, 1_000_000]) {
        const read: LogMessage[] = [];
        for (;;) {
          const after = read.at(-1)?.seq ?? 0;
          const { messages, isLast } = await readPage(instance.backend, "a", after, maxBytes);
          const isSmall = maxBytes > 5_000 || messages.length <= 20;
          check(isSmall, `A page of about ${maxBytes} bytes has ${messages.length} kilobytes.`);
          read.push(...messages);
          if (isLast) break;
          check(messages.length > 0, "A page that is not the last one MUST NOT be empty.");
        }
        checkExactly(read, published, { topic: "a" });
      }
    },
  },
  {
    name: "history: a channel keeps no more than `maxBytes`",
    async run(lab) {
      const maxBytes = 60_000;
      const instance = await lab.open({ maxBytes });
      const json = JSON.stringify("x".repeat(10_000));
      const published = await publishEach(instance, repeat("a", 60), { json });
      const history = await instance.backend.read("a");
      checkKept(history, published, 4);
      const bytes = history.messages.reduce((sum, { frame }) => sum + frame.length, 0);
      check(bytes <= 2 * maxBytes, `${bytes} bytes are kept; \`maxBytes\` is ${maxBytes}.`);
    },
  },
  {
    name: "history: a channel that keeps nothing is delivered live, and a reader that missed a message gets a gap",
    async run(lab) {
      const history = { channels: { live: { maxMessages: 0 } } };
      const [one, two] = [await lab.open(history), await lab.open(history)];
      const recorder = await two.listen("live");
      const published = await publishEach(one, repeat("live", 10));
      await checkArrived(lab, recorder, published);
      const { messages, horizon } = await two.backend.read("live");
      check(messages.length <= maxKept(0), "`maxMessages: 0` keeps nothing.");
      checkLossIsTold({ messages, horizon }, published);
    },
  },
  {
    name: "history: messages older than `maxAgeMs` are dropped, and stay reported as lost, without further publishes",
    async run(lab) {
      const maxAgeMs = 300;
      const history = { channels: { "short/**": { maxAgeMs } } };
      const [one, two] = [await lab.open(history), await lab.open(history)];
      const kept = await publishEach(one, repeat("kept", 3));
      const silent = await publishEach(one, repeat("short/silent", 3));
      const busy = await publishEach(one, repeat("short/busy", 3));
      // Nothing announces that time has passed; the clock that counts is the server's.
      await new Promise((resolve) => startTimeout(resolve, 3 * maxAgeMs));
      const fresh = await publishEach(one, ["short/busy"]);
      for (const [topic, old] of [
        ["short/silent", silent],
        ["short/busy", busy],
      ] as const) {
        const { messages, horizon } = await two.backend.read(topic);
        check(
          !messages.some(({ seq }) => seq <= (old.at(-1)?.seq ?? 0)),
          `"${topic}" still has messages of three times its \`maxAgeMs\`.`,
        );
        checkLossIsTold({ messages, horizon }, old);
      }
      checkExactly((await two.backend.read("short/busy")).messages, fresh, { topic: "short/busy" });
      checkExactly((await two.backend.read("kept")).messages, kept, { topic: "kept" });
      // A channel that was freed and is used again MUST still report its loss.
      const again = await publishEach(one, ["short/silent"]);
      const revived = await two.backend.read("short/silent");
      checkLossIsTold(revived, [...silent, ...again]);
      check(revived.horizon < (again[0]?.seq ?? 0), "The horizon covers a message that is kept.");
      checkLossIsTold(await two.backend.read("short/*"), [...silent, ...busy, ...fresh, ...again]);
    },
  },
  {
    name: "history: the newest value of a key outlives any number of updates of other keys",
    async run(lab) {
      const history = { maxMessages: 10 };
      const [one, two] = [await lab.open(history), await lab.open(history)];
      const start = await one.backend.readHead();
      const rare = await one.publish("scores", { key: "rare" });
      await publishEach(one, repeat("scores", 100), { key: "often" });
      const last = await two.publish("scores", { key: "often" });
      // The same key on another channel is another key.
      await publishEach(one, repeat("other", 5), { key: "rare" });
      const { messages, horizon } = await two.backend.read("scores");
      for (const { seq, key } of [rare, last]) {
        const found = messages.some((message) => message.seq === seq && message.key === key);
        check(found, `The newest message of key "${key}" is not in history.`);
      }
      check(
        horizon <= start.seq,
        `Superseded messages are no loss, so nothing is lost here; the horizon is ${horizon}.`,
      );
    },
  },
  {
    name: "history: a message is dropped only if `maxMessages` newer ones are kept, without superseded ones",
    async run(lab) {
      const history = { maxMessages: 12 };
      const instances = [await lab.open(history), await lab.open(history)];
      const published: TestPublished[] = [];
      for (let n = 0; n < 250; n++) {
        const key = lab.random.chance(0.6) ? `key ${lab.random.below(8)}` : undefined;
        const instance = lab.random.pick(instances);
        published.push(await instance.publish("a", key === undefined ? {} : { key }));
        if (!lab.random.chance(0.1)) continue;
        checkKept(await lab.random.pick(instances).backend.read("a"), published, 12);
      }
      checkKept(await lab.random.pick(instances).backend.read("a"), published, 12);
    },
  },
];

/** That the newest live ones are all kept, not many more are, and that the horizon is true. */
function checkKept(history: History, published: readonly TestPublished[], limit: number): void {
  const live = withoutSuperseded(published);
  const due = live.slice(-limit);
  const kept = new Map(history.messages.map((message) => [message.seq, message]));
  for (const { seq, channel } of due) {
    check(kept.has(seq), `"${channel}" keeps ${limit} messages, and has lost ${seq}, one of them.`);
  }
  const liveKept = live.filter(({ seq }) => kept.has(seq));
  check(
    liveKept.length <= maxKept(limit),
    `"${due[0]?.channel}" keeps ${limit} messages, and has ${liveKept.length}.`,
  );
  checkLossIsTold(history, published);
  const oldest = due[0]?.seq ?? fail("Nothing is due");
  check(
    history.horizon < oldest || live.length <= limit,
    `The horizon ${history.horizon} is past ${oldest}, which has to be kept.`,
  );
  checkEqual(
    history.messages.map(({ seq }) => seq),
    history.messages.toSorted(bySeq).map(({ seq }) => seq),
    "read() MUST give the oldest first:",
  );
}

function checkLossIsTold(history: History, published: readonly TestPublished[]): void {
  const missing = missingFrom(history, withoutSuperseded(published)).at(-1);
  if (!missing) return;
  check(
    history.horizon >= missing.seq,
    `"${missing.channel}" has dropped ${missing.seq}, and its horizon is only ${history.horizon}: a silent loss.`,
  );
}

function missingFrom(history: History, published: readonly TestPublished[]): TestPublished[] {
  const kept = new Set(history.messages.map(({ seq }) => seq));
  return published.filter(({ seq }) => !kept.has(seq)).toSorted(bySeq);
}

function withoutSuperseded(published: readonly TestPublished[]): TestPublished[] {
  const newest = new Map<string, number>();
  for (const { channel, key, seq } of published) {
    if (key !== undefined) newest.set(`${channel} ${key}`, seq);
  }
  return published.filter(
    ({ channel, key, seq }) => key === undefined || newest.get(`${channel} ${key}`) === seq,
  );
}
