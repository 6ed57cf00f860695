// The cost of the core's steps without sockets. The runner starts this and reads one JSON line.
// By path, because these modules are not public.
import { createBus, createMessage } from "sse-bus";
import { internalsOf } from "../node_modules/sse-bus/dist/core/bus.js";
import { closeReader } from "../node_modules/sse-bus/dist/core/engine.js";
import { openReader, type Start } from "../node_modules/sse-bus/dist/core/open-reader.js";
import { packetChunk } from "../node_modules/sse-bus/dist/node/chunk.js";
import { median } from "./statistics.ts";
import type { Figures } from "./subject.ts";

type Bus = ReturnType<typeof createBus>;

const ROUNDS = Number(process.argv[3] ?? 15);
const DATA = { t: 1_234_567_890_123, p: "x".repeat(172) };
const share = Number(process.argv[2] ?? 1);

const figures: Figures = {
  encodeUs: await encode(),
  appendUs: await append(),
  flush1000UsPerReader: await flush(1000),
  flush10000UsPerReader: await flush(10_000),
  resume100Us: await resume(),
  ...(await publishAmong(10)),
  ...(await publishAmong(Math.round(100_000 * share))),
};
console.log(JSON.stringify({ event: "figures", figures }));

/** The bytes of a message. */
function encode(): Promise<number> {
  const json = JSON.stringify(DATA);
  const record = { channel: "orders/42", event: "message", key: undefined, json };
  let bytes = 0;
  return measure(5000, () => {
    for (let seq = 1; seq <= 5000; seq++) {
      bytes += createMessage(record, { seq, time: 1_700_000_000_000 }, "k3x9q7ab").frame.length;
    }
    if (bytes === 0) throw new Error("Nothing was encoded");
  });
}

/** `publish` without readers, awaited each time. */
async function append(): Promise<number> {
  await using bus = createBus();
  return await measure(2000, async () => {
    for (let n = 0; n < 2000; n++) await bus.publish(DATA);
  });
}

/** The time from a publish until every reader's sink has the bytes, per reader. */
async function flush(count: number): Promise<number> {
  await using bus = createBus();
  const taken = { bytes: 0 };
  for (let n = 0; n < count; n++) await read(bus, { topics: ["default"], start: "now", taken });
  const times = Math.max(5, 50_000 / count);
  const perFlush = await measure(times, async () => {
    for (let n = 0; n < times; n++) {
      await bus.publish(DATA);
      await flushed(bus);
    }
  });
  if (taken.bytes === 0) throw new Error("Nothing was flushed");
  return perFlush / count;
}

/** One reader that resumes a hundred messages, without the sharing of a reconnect storm. */
async function resume(): Promise<number> {
  await using bus = createBus();
  await bus.publish(DATA);
  const cursor = await bus.cursor();
  for (let n = 0; n < 100; n++) await bus.publish(DATA);
  const taken = { bytes: 0 };
  const { engine } = internalsOf(bus);
  return await measure(300, async () => {
    for (let n = 0; n < 300; n++) {
      const before = taken.bytes;
      const reader = await read(bus, { topics: ["default"], start: { cursor }, taken });
      if (taken.bytes - before < 100 * DATA.p.length) throw new Error("It was not resumed");
      closeReader(engine, reader);
      await flushed(bus);
    }
  });
}

/** A publish to one of many channels with a reader each: always the same one, or in rotation. */
async function publishAmong(channels: number): Promise<Figures> {
  await using bus = createBus();
  const taken = { bytes: 0 };
  for (let n = 0; n < channels; n++) {
    await read(bus, { topics: [`c/${n}`], start: "now", taken });
  }
  const publish = (next: (n: number) => number): Promise<number> =>
    measure(2000, async () => {
      for (let n = 0; n < 2000; n++) {
        await bus.publish(DATA, { channel: `c/${next(n)}` });
        await flushed(bus);
      }
    });
  const one = await publish(() => 0);
  let at = 0;
  const spread = await publish(() => (at += 7) % channels);
  const name = channels === 10 ? "10" : "100000";
  return { [`publishOneOf${name}Us`]: one, [`publishRound${name}Us`]: spread };
}

interface ReadOptions {
  readonly topics: readonly string[];
  readonly start: Start;
  readonly taken: { bytes: number };
}

/** A reader whose sink frames packets as for a socket, then drops them. */
async function read(bus: Bus, { topics, start, taken }: ReadOptions) {
  const sink = {
    write(packet: Parameters<typeof packetChunk>[0]) {
      taken.bytes += packetChunk(packet).length;
      return true;
    },
    end: () => undefined,
  };
  const { engine } = internalsOf(bus);
  const opened = await openReader(engine, { topics, start, sink, isLocal: false, isReady: true });
  return opened.reader;
}

function flushed(bus: Bus): Promise<void> {
  return internalsOf(bus).engine.remote.flusher.flushed();
}

/**
 * The median of the rounds' CPU time in µs for each of `times`, after a third as many rounds to warm
 * up. CPU time, because nothing here waits, and other processes affect wall time.
 */
async function measure(times: number, run: () => unknown): Promise<number> {
  const samples: number[] = [];
  // Earlier objects must not be marked by the garbage collector during the measurement.
  (globalThis as { gc?: () => void }).gc?.();
  for (let round = -ROUNDS / 3; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) samples.push((user + system) / times);
  }
  return median(samples);
}
