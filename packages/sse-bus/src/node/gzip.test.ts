import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { createInflater } from "../../test/support/inflate.ts";
import { turn } from "../../test/support/test-sink.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import { closeReader, type Engine } from "../core/engine.ts";
import { openReader } from "../core/open-reader.ts";
import { gzip } from "./gzip.ts";

const RECORDING = "../../../../apps/demo/features/dashboard/recording.json";

let sensors: readonly { readonly id: string; readonly values: readonly number[] }[];
beforeAll(async () => {
  const text = await readFile(new URL(RECORDING, import.meta.url), "utf8");
  ({ sensors } = JSON.parse(text) as { sensors: typeof sensors });
});

async function open(engine: Engine) {
  const opened = await openReader(engine, {
    topics: ["readings"],
    start: "now",
    codec: gzip,
    isLocal: false,
    isReady: true,
    sink: { write: () => true, end() {} },
  });
  return opened.reader;
}

/** Publishes as the demo's dashboard does: readings of all sensors in turn, some of them every 20 ms. */
async function shareOfBytes({
  readers,
  perTurn,
  eachTurn,
}: {
  readonly readers: number;
  readonly perTurn: number;
  readonly eachTurn?: (engine: Engine) => Promise<void>;
}): Promise<number> {
  await using bus = createBus();
  const { engine } = internalsOf(bus);
  for (let count = 0; count < readers; count++) await open(engine);
  for (let step = 0; step < 1000; step++) {
    const { id, values } = sensors[step % sensors.length] as (typeof sensors)[number];
    const count = Math.floor(step / sensors.length);
    const reading = { id, value: values[count % values.length], run: 1764500000, count };
    await bus.publish(reading, { channel: "readings", key: id });
    if (step % perTurn > 0) continue;
    await turn();
    await eachTurn?.(engine);
  }
  await turn();
  const { sent, bytes } = engine.traffic;
  return sent / bytes;
}

test("the dashboard's traffic takes less than a fifth of the bytes", async () => {
  expect(await shareOfBytes({ readers: 16, perTurn: 4 })).toBeLessThan(0.16);
  expect(await shareOfBytes({ readers: 16, perTurn: 1 })).toBeLessThan(0.25);
});

test("streams that come and go with every message cost the others little", async () => {
  const eachTurn = async (engine: Engine): Promise<void> => {
    closeReader(engine, await open(engine));
    const [first] = engine.readers;
    if (first) closeReader(engine, first);
    await open(engine);
  };
  expect(await shareOfBytes({ readers: 30, perTurn: 4, eachTurn })).toBeLessThan(0.45);
});

test("where nothing can be saved, a message has a few bytes more", async () => {
  expect(await shareOfBytes({ readers: 4, perTurn: 1 })).toBeLessThan(1.12);
});

test("data of any size decodes, also if it does not get smaller", () => {
  const { inflate } = createInflater();
  const random = crypto.getRandomValues(new Uint8Array(65_000));
  let window = new Uint8Array();
  for (const bytes of [
    random.slice(0, 100),
    random,
    Buffer.alloc(300_000, "abc"),
    random.slice(9),
  ]) {
    expect(Buffer.compare(inflate(gzip.encode(bytes, window)), bytes)).toBe(0);
    window = bytes.slice(-gzip.windowBytes);
  }
});
