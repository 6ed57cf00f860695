import { internalsOf } from "../../core/bus.ts";
import type { Bus } from "../../core/bus-types.ts";
import { provenHead } from "../../core/engine.ts";
import { type LogMessage, messageId, messageJson } from "../../core/message.ts";
import { openReader } from "../../core/open-reader.ts";
import type { Gap } from "../../core/packet.ts";
import type { Sink } from "../../core/sink.ts";
import type { BackendTest } from "./backend-test.ts";
import {
  type BusSubscriber,
  checkReceived,
  send,
  sendMany,
  type Sent,
  subscribeTo,
} from "./bus-subscriber.ts";
import { checkEqual, checkRejects } from "./check.ts";
import type { Lab } from "./lab.ts";
import { eventLoop } from "./load.ts";
import { busOn, openBus } from "./open-bus.ts";

const CHANNELS = ["a/1", "a/2", "b", "default"];
const TOPICS = [...CHANNELS, "a/*", "**"];
const AWAY = ["BACKEND_UNAVAILABLE"];

export const busTests: readonly BackendTest[] = [
  {
    name: "bus: subscribers that start, resume and end at random get every message once and in order",
    async run(lab) {
      const buses = [await openBus(lab), await openBus(lab)];
      const sent: Sent[] = [];
      const subscribers: BusSubscriber[] = [];
      for (let n = 0; n < 300; n++) {
        const bus = lab.random.pick(buses);
        const known = sent.length > 0 ? lab.random.pick(sent).id : undefined;
        if (lab.random.chance(0.08)) {
          const after = lab.random.chance(0.5) ? known : await lab.random.pick(buses).cursor();
          subscribers.push(subscribeTo(lab, bus, { channel: lab.random.pick(TOPICS), after }));
        } else if (lab.random.chance(0.05) && subscribers.length > 0) {
          lab.random.pick(subscribers).close();
        } else {
          const channels = Array.from({ length: 1 + lab.random.below(4) }, () =>
            lab.random.pick(CHANNELS),
          );
          if (lab.random.chance(0.5)) sent.push(...(await sendMany(lab, bus, channels)));
          else
            sent.push(...(await Promise.all(channels.map(async (name) => send(lab, bus, name)))));
        }
        if (lab.random.chance(0.2)) await eventLoop();
      }
      for (const channel of CHANNELS) sent.push(await send(lab, lab.random.pick(buses), channel));
      for (const subscriber of subscribers) await checkReceived(lab, subscriber, sent);
    },
  },
  {
    name: "bus: from a cursor of one instance, another delivers what was published since",
    async run(lab) {
      const [one, two] = [await openBus(lab), await openBus(lab)];
      // A listener that is there already: the second one shares its window.
      const there = subscribeTo(lab, two, { channel: "a/1", after: await one.cursor() });
      const sent: Sent[] = [];
      for (let n = 0; n < 10; n++) {
        const after = await one.cursor();
        sent.push(await send(lab, one, "a/1"), await send(lab, one, "a/2"));
        const subscriber = subscribeTo(lab, two, { channel: "a/*", after });
        sent.push(await send(lab, one, "a/1"));
        await checkReceived(lab, subscriber, sent);
      }
      await checkReceived(lab, there, sent);
    },
  },
  {
    name: "bus: a cursor older than history gives a gap, then everything kept",
    async run(lab) {
      const history = { maxMessages: 10 };
      const [one, two] = [await openBus(lab, history), await openBus(lab, history)];
      const sent: Sent[] = [];
      for (let n = 0; n < 400; n++) sent.push(await send(lab, one, "a/1"));
      const subscriber = subscribeTo(lab, two, { channel: "a/1", after: sent[0]?.id });
      await lab.until(
        "The newest message after a gap",
        () => subscriber.received.at(-1) === sent.at(-1)?.id,
      );
      checkEqual(
        subscriber.gaps.map(({ channels, reason }) => ({ channels, reason })),
        [{ channels: ["a/1"], reason: "evicted" }],
        "One gap that names the channel:",
      );
      const newest = sent.slice(-10).map(({ id }) => id);
      checkEqual(subscriber.received.slice(-10), newest, "Then what is kept:");
      const whole = subscribeTo(lab, two, { channel: "a/1", after: sent.at(-6)?.id });
      await checkReceived(lab, whole, sent);
    },
  },
  {
    name: "bus: from the earliest on, a pattern delivers everything its channels keep, without a gap",
    async run(lab) {
      const history = { maxMessages: 20 };
      const [one, two] = [await openBus(lab, history), await openBus(lab, history)];
      const quiet = [await send(lab, one, "a/quiet"), await send(lab, one, "a/quiet")];
      let newest: string | undefined;
      for (let n = 0; n < 120; n++) newest = (await send(lab, one, "a/busy")).id;
      const { messages, gaps, epoch } = await readFrom(lab, two, {
        topic: "a/*",
        start: "earliest",
      });
      const ids = (): string[] => messages.map((message) => messageId(message, epoch(), message));
      await lab.until("The newest message", () => ids().at(-1) === newest);
      checkEqual(
        ids().slice(0, 2),
        quiet.map(({ id }) => id),
        "First what the quiet channel keeps, though the busy one has dropped newer messages:",
      );
      checkEqual(
        messages.map(({ seq }) => seq),
        messages.map(({ seq }) => seq).toSorted((a, b) => a - b),
        "In order:",
      );
      checkEqual(gaps, [], "Nothing was lost after the start, so no gap:");
    },
  },
  {
    name: "bus: a new subscriber from the latest gets the newest value of every key",
    async run(lab) {
      const history = { maxMessages: 20 };
      const [one, two] = [await openBus(lab, history), await openBus(lab, history)];
      for (let n = 0; n < 120; n++) {
        const key = n === 0 ? "rare" : `key ${n % 5}`;
        await one.publish(n, { channel: "scores", key });
      }
      const { messages } = await readFrom(lab, two, { topic: "scores", start: "latest" });
      await lab.until("Six keys", () => messages.length >= 6);
      checkEqual(
        messages.map((message) => [message.key, messageJson(message)]),
        [["rare", "0"], ...[115, 116, 117, 118, 119].map((n) => [`key ${n % 5}`, String(n)])],
        "The newest value of every key, in order:",
      );
    },
  },
  {
    name: "bus: subscribers of a disconnected instance get what they missed, without a gap",
    needs: "partition",
    async run(lab) {
      const cutOff = await lab.connect();
      const [bus, other] = [busOn(lab, cutOff.backend), await openBus(lab)];
      const subscriber = subscribeTo(lab, bus, { channel: "**", after: await bus.cursor() });
      const sent = [await send(lab, other, "a/1"), await send(lab, bus, "b")];
      await checkReceived(lab, subscriber, sent);
      await lab.cut(cutOff);
      await lab.until("status down", () => bus.stats().status === "down");
      for (let n = 0; n < 50; n++) sent.push(await send(lab, other, lab.random.pick(CHANNELS)));
      await lab.mend(cutOff);
      await lab.until("status up", () => bus.stats().status === "up");
      sent.push(await send(lab, bus, "a/1"));
      await checkReceived(lab, subscriber, sent);
    },
  },
  {
    name: "bus: a subscriber that starts while the server is unreachable misses nothing",
    needs: "outage",
    async run(lab) {
      const [known, unknown] = [await openBus(lab), await openBus(lab)];
      const there = subscribeTo(lab, known, { channel: "a/1", after: await known.cursor() });
      const first = await send(lab, known, "a/1");
      await checkReceived(lab, there, [first]);
      there.close();
      await lab.stop();
      await lab.until("status down", () => known.stats().status === "down");
      // The second bus has never met its server.
      const buses = [known, unknown];
      const subscribers = buses.map((bus) => subscribeTo(lab, bus, { channel: "a/*" }));
      const resumed = subscribeTo(lab, known, { channel: "**", after: first.id });
      const gone = subscribeTo(lab, known, { channel: "a/1" });
      await lab.within(
        "To refuse publishes while the server is unreachable",
        Promise.all(
          buses.map(async (bus) =>
            checkRejects(bus.publish(0, { channel: "a/1" }), AWAY, "publish() during the outage"),
          ),
        ),
      );
      gone.close();
      await lab.start();
      const sent = [await send(lab, unknown, "a/1")];
      sent.push(await send(lab, known, "a/2"), await send(lab, unknown, "a/1"));
      for (const subscriber of [...subscribers, resumed]) {
        const { channel, received, gaps } = subscriber;
        await lab.until(
          `A subscriber of "${channel}" that came during an outage to receive ${sent.length} messages`,
          () => received.length >= sent.length,
        );
        const ids = sent.map(({ id }) => id);
        checkEqual(
          received,
          ids,
          `A subscriber of "${channel}" that came during an outage MUST receive:`,
        );
        checkEqual(gaps, [], "Nothing was lost, so no gap:");
      }
      for (const subscriber of [...subscribers, resumed]) subscriber.close();
      for (const bus of buses) checkEqual(bus.stats().channels, 0, "Channels without subscribers:");
    },
  },
  {
    name: "bus: after data loss subscribers get one gap and continue; old cursors give a gap",
    needs: "loseData",
    async run(lab) {
      const [one, two] = [await openBus(lab), await openBus(lab)];
      const old: Sent[] = [];
      for (let n = 0; n < 5; n++) old.push(await send(lab, one, "a/1"));
      const subscriber = subscribeTo(lab, two, { channel: "a/*", after: old[0]?.id });
      await lab.until("The old log's messages", () => subscriber.received.length === 4);
      await lab.loseData();
      await lab.until("A gap after data loss", () => subscriber.gaps.length > 0);
      const sent = [await send(lab, two, "a/1"), await send(lab, two, "a/2")];
      await lab.until("The new log's messages", () => subscriber.received.length >= 6);
      checkEqual(
        subscriber.received.slice(4),
        sent.map(({ id }) => id),
        "The new log's messages, once:",
      );
      checkEqual(
        subscriber.gaps.map(({ reason }) => reason),
        ["restarted"],
        "One gap:",
      );
      const late = subscribeTo(lab, one, { channel: "a/*", after: old.at(-1)?.id });
      await lab.until("A gap for a cursor of the old log", () => late.gaps.length > 0);
      await lab.until("What the new log keeps", () => late.received.length >= 2);
      checkEqual(
        late.received,
        sent.map(({ id }) => id),
        "All that the new log keeps:",
      );
    },
  },
];

/** Reads a bus as an event stream does: from its earliest message, or from the latest of each key. */
async function readFrom(
  lab: Lab,
  bus: Bus,
  { topic, start }: { readonly topic: string; readonly start: "earliest" | "latest" },
): Promise<{ messages: LogMessage[]; gaps: Gap[]; epoch: () => string }> {
  const { engine } = internalsOf(bus);
  const messages: LogMessage[] = [];
  const gaps: Gap[] = [];
  const sink: Sink = {
    write(packet) {
      messages.push(...packet.messages);
      if (packet.gap) gaps.push(packet.gap);
      lab.changed();
      return true;
    },
    end() {},
  };
  await openReader(engine, { topics: [topic], start, sink, isLocal: false, isReady: true });
  return { messages, gaps, epoch: () => provenHead(engine).epoch };
}
