import type { Backend } from "../../core/backend.ts";
import { createBus, internalsOf } from "../../core/bus.ts";
import type { Bus } from "../../core/bus-types.ts";
import { topicCovers } from "../../core/channel-name.ts";
import { type LogMessage, messageJson } from "../../core/message.ts";
import { openReader } from "../../core/open-reader.ts";
import type { Gap } from "../../core/packet.ts";
import { parseCursor } from "../../core/position.ts";
import type { HistoryOptions } from "../../core/history.ts";
import type { BackendTest } from "./backend-test.ts";
import { checkEqual, checkRejects, fail } from "./check.ts";
import type { Lab } from "./lab.ts";
import { eventLoop } from "./load.ts";

const CHANNELS = ["a/1", "a/2", "b", "default"];
const TOPICS = [...CHANNELS, "a/*", "**"];
const AWAY = ["BACKEND_UNAVAILABLE"];

export const busTests: readonly BackendTest[] = [
  {
    name: "bus: listeners that come, resume and go at random get every message once and in order",
    async run(lab) {
      const buses = [await openBus(lab), await openBus(lab)];
      const sent: Sent[] = [];
      const ears: Ear[] = [];
      for (let n = 0; n < 300; n++) {
        const bus = lab.random.pick(buses);
        const known = sent.length > 0 ? lab.random.pick(sent).id : undefined;
        if (lab.random.chance(0.08)) {
          const after = lab.random.chance(0.5) ? known : await lab.random.pick(buses).cursor();
          ears.push(listenTo(lab, bus, { channel: lab.random.pick(TOPICS), after }));
        } else if (lab.random.chance(0.05) && ears.length > 0) {
          lab.random.pick(ears).close();
        } else {
          const channels = Array.from({ length: 1 + lab.random.below(4) }, () =>
            lab.random.pick(CHANNELS),
          );
          sent.push(...(await Promise.all(channels.map(async (name) => send(lab, bus, name)))));
        }
        if (lab.random.chance(0.2)) await eventLoop();
      }
      for (const channel of CHANNELS) sent.push(await send(lab, lab.random.pick(buses), channel));
      for (const ear of ears) await checkHeard(lab, ear, sent);
    },
  },
  {
    name: "bus: from a cursor of one instance, another delivers what was published in between",
    async run(lab) {
      const [one, two] = [await openBus(lab), await openBus(lab)];
      // A listener that is there already: the second one shares its window.
      const there = listenTo(lab, two, { channel: "a/1", after: await one.cursor() });
      const sent: Sent[] = [];
      for (let n = 0; n < 10; n++) {
        const after = await one.cursor();
        sent.push(await send(lab, one, "a/1"), await send(lab, one, "a/2"));
        const ear = listenTo(lab, two, { channel: "a/*", after });
        sent.push(await send(lab, one, "a/1"));
        await checkHeard(lab, ear, sent);
      }
      await checkHeard(lab, there, sent);
    },
  },
  {
    name: "bus: a cursor that history has passed is told as a gap, and the rest follows",
    async run(lab) {
      const history = { maxMessages: 10 };
      const [one, two] = [await openBus(lab, history), await openBus(lab, history)];
      const sent: Sent[] = [];
      for (let n = 0; n < 400; n++) sent.push(await send(lab, one, "a/1"));
      const ear = listenTo(lab, two, { channel: "a/1", after: sent[0]?.id });
      await lab.until("The newest message after a gap", () => ear.heard.at(-1) === sent.at(-1)?.id);
      checkEqual(
        ear.gaps.map(({ channels, reason }) => ({ channels, reason })),
        [{ channels: ["a/1"], reason: "evicted" }],
        "One gap that names the channel:",
      );
      const newest = sent.slice(-10).map(({ id }) => id);
      checkEqual(ear.heard.slice(-10), newest, "Then what is kept:");
      const whole = listenTo(lab, two, { channel: "a/1", after: sent.at(-6)?.id });
      await checkHeard(lab, whole, sent);
    },
  },
  {
    name: "bus: a newcomer who asks for the latest gets the newest value of every key",
    async run(lab) {
      const history = { maxMessages: 20 };
      const [one, two] = [await openBus(lab, history), await openBus(lab, history)];
      for (let n = 0; n < 120; n++) {
        const key = n === 0 ? "rare" : `key ${n % 5}`;
        await one.publish(n, { channel: "scores", key });
      }
      const messages: LogMessage[] = [];
      const sink = {
        write(packet: { messages: readonly LogMessage[] }) {
          messages.push(...packet.messages);
          lab.changed();
          return true;
        },
        end() {},
      };
      const { engine } = internalsOf(two);
      const options = {
        topics: ["scores"],
        start: "latest",
        isLocal: false,
        isReady: true,
      } as const;
      await openReader(engine, { ...options, sink });
      await lab.until("Six keys", () => messages.length >= 6);
      checkEqual(
        messages.map((message) => [message.key, messageJson(message)]),
        [["rare", "0"], ...[115, 116, 117, 118, 119].map((n) => [`key ${n % 5}`, String(n)])],
        "The newest value of every key, in order:",
      );
    },
  },
  {
    name: "bus: listeners of an instance that was cut off get what they missed, and no gap",
    needs: "partition",
    async run(lab) {
      const cutOff = await lab.connect();
      const [bus, other] = [busOn(lab, cutOff.backend), await openBus(lab)];
      const ear = listenTo(lab, bus, { channel: "**", after: await bus.cursor() });
      const sent = [await send(lab, other, "a/1"), await send(lab, bus, "b")];
      await checkHeard(lab, ear, sent);
      await lab.cut(cutOff);
      await lab.until("status down", () => bus.stats().status === "down");
      for (let n = 0; n < 50; n++) sent.push(await send(lab, other, lab.random.pick(CHANNELS)));
      await lab.mend(cutOff);
      await lab.until("status up", () => bus.stats().status === "up");
      sent.push(await send(lab, bus, "a/1"));
      await checkHeard(lab, ear, sent);
    },
  },
  {
    name: "bus: a listener that comes while the server is away is whole once it is back",
    needs: "outage",
    async run(lab) {
      const [known, unknown] = [await openBus(lab), await openBus(lab)];
      const there = listenTo(lab, known, { channel: "a/1", after: await known.cursor() });
      const first = await send(lab, known, "a/1");
      await checkHeard(lab, there, [first]);
      there.close();
      await lab.stop();
      await lab.until("status down", () => known.stats().status === "down");
      // The second bus has never met its server.
      const buses = [known, unknown];
      const ears = buses.map((bus) => listenTo(lab, bus, { channel: "a/*" }));
      const resumed = listenTo(lab, known, { channel: "**", after: first.id });
      const gone = listenTo(lab, known, { channel: "a/1" });
      await lab.within(
        "To refuse publishes while the server is away",
        Promise.all(
          buses.map(async (bus) =>
            checkRejects(bus.publish(0, { channel: "a/1" }), AWAY, "publish() meanwhile"),
          ),
        ),
      );
      gone.close();
      await lab.start();
      const sent = [await send(lab, unknown, "a/1")];
      sent.push(await send(lab, known, "a/2"), await send(lab, unknown, "a/1"));
      for (const ear of [...ears, resumed]) {
        const { channel, heard, gaps } = ear;
        await lab.until(
          `A listener of "${channel}" that came during an outage to hear ${sent.length} messages`,
          () => heard.length >= sent.length,
        );
        const ids = sent.map(({ id }) => id);
        checkEqual(heard, ids, `A listener of "${channel}" that came during an outage MUST hear:`);
        checkEqual(gaps, [], "Nothing was lost, so no gap:");
      }
      for (const ear of [...ears, resumed]) ear.close();
      for (const bus of buses) checkEqual(bus.stats().channels, 0, "Channels without listeners:");
    },
  },
  {
    name: "bus: after data loss listeners are told of one gap and go on; old cursors give a gap",
    needs: "loseData",
    async run(lab) {
      const [one, two] = [await openBus(lab), await openBus(lab)];
      const old: Sent[] = [];
      for (let n = 0; n < 5; n++) old.push(await send(lab, one, "a/1"));
      const ear = listenTo(lab, two, { channel: "a/*", after: old[0]?.id });
      await lab.until("The old log's messages", () => ear.heard.length === 4);
      await lab.loseData();
      await lab.until("A gap after data loss", () => ear.gaps.length > 0);
      const sent = [await send(lab, two, "a/1"), await send(lab, two, "a/2")];
      await lab.until("The new log's messages", () => ear.heard.length >= 6);
      checkEqual(
        ear.heard.slice(4),
        sent.map(({ id }) => id),
        "The new log's messages, once:",
      );
      checkEqual(
        ear.gaps.map(({ reason }) => reason),
        ["restarted"],
        "One gap:",
      );
      const late = listenTo(lab, one, { channel: "a/*", after: old.at(-1)?.id });
      await lab.until("A gap for a cursor of the old log", () => late.gaps.length > 0);
      await lab.until("What the new log keeps", () => late.heard.length >= 2);
      checkEqual(
        late.heard,
        sent.map(({ id }) => id),
        "All that the new log keeps:",
      );
    },
  },
];

interface Sent {
  readonly id: string;
  readonly channel: string;
}

/** A listener, and what it heard. */
interface Ear {
  readonly channel: string;
  readonly after: string | undefined;
  readonly heard: string[];
  readonly gaps: Gap[];
  isClosed: boolean;
  close(): void;
}

async function openBus(lab: Lab, history?: HistoryOptions): Promise<Bus> {
  const { backend } = await lab.connect();
  return busOn(lab, backend, history);
}

function busOn(lab: Lab, backend: Backend, history?: HistoryOptions): Bus {
  const bus = createBus({ backend, ...(history && { history }), onError: () => lab.changed() });
  lab.adopt(backend, bus.close);
  return bus;
}

async function send(lab: Lab, bus: Bus, channel: string): Promise<Sent> {
  const data = lab.nextValue();
  const id = `send ${data}`;
  const deadline = Date.now() + lab.timeoutMs;
  for (;;) {
    try {
      return await lab.within("bus.publish()", bus.publish(data, { channel, id }));
    } catch (error) {
      if ((error as { code?: string }).code !== "BACKEND_UNAVAILABLE") throw error;
      if (Date.now() > deadline) throw error;
      await eventLoop();
    }
  }
}

function listenTo(
  lab: Lab,
  bus: Bus,
  { channel, after }: { readonly channel: string; readonly after?: string | undefined },
): Ear {
  const ear: Ear = { channel, after, heard: [], gaps: [], isClosed: false, close: () => {} };
  const unsubscribe = bus.subscribe(
    (_data, { id, channel: from }) => {
      if (ear.isClosed) lab.violated(`A listener of "${channel}" was called after it was closed.`);
      if (!topicCovers(channel, from)) lab.violated(`"${channel}" heard of "${from}".`);
      const last = ear.heard.at(-1);
      const isNewer = last === undefined || seqOf(id) > seqOf(last) || ear.gaps.length > 0;
      if (!isNewer) lab.violated(`On "${channel}", ${id} came after ${last}.`);
      ear.heard.push(id);
      lab.changed();
    },
    {
      channel,
      after,
      onGap(gap) {
        ear.gaps.push(gap);
        lab.changed();
      },
    },
  );
  ear.close = () => {
    ear.isClosed = true;
    unsubscribe();
  };
  return ear;
}

async function checkHeard(lab: Lab, ear: Ear, sent: readonly Sent[]): Promise<void> {
  const { channel, heard, gaps, isClosed } = ear;
  const expected = sent
    .filter((each) => topicCovers(channel, each.channel))
    .toSorted((a, b) => seqOf(a.id) - seqOf(b.id))
    .map(({ id }) => id);
  // One without a cursor begins where it began to hear.
  const start = ear.after ?? heard[0];
  if (start === undefined) return;
  const from = seqOf(start) + (ear.after === undefined ? 0 : 1);
  const due = expected.filter((id) => seqOf(id) >= from);
  if (!isClosed) {
    await lab.until(
      `A listener of "${channel}" after ${ear.after} to hear ${due.length} messages (${heard.length} so far)`,
      () => heard.length >= due.length,
    );
  }
  checkEqual(
    heard,
    isClosed ? due.slice(0, heard.length) : due,
    `A listener of "${channel}" after ${ear.after} MUST hear:`,
  );
  checkEqual(gaps, [], "Nothing was lost, so no gap:");
}

function seqOf(id: string): number {
  return parseCursor(id)?.seq ?? fail(`Not an id: ${id}`);
}
