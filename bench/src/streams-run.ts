// One measurement of durable streams: many at once on one Redis, then the CPU time that they took, or the
// time of the first byte. The runner starts this and reads one JSON line.
import { Redis } from "ioredis";
import { createResumableStreamContext } from "resumable-stream/ioredis";
import { createBus, memoryBackend } from "sse-bus";
import { redisBackend } from "sse-bus/redis";
import { createStreams } from "sse-bus/streams";
import { median } from "./statistics.ts";

/** What both libraries do: start a stream, and read it again from another request. */
interface Library {
  start(id: string, source: () => ReadableStream<string>): Promise<ReadableStream | null>;
  resume(id: string): Promise<ReadableStream | null | undefined>;
}

const [name = "", url = "", ...numbers] = process.argv.slice(2);
const [count = 500, tokens = 200, gapMs = 50, readers = 1] = numbers.map(Number);

if (name === "first-byte") console.log(JSON.stringify(await firstByte()));
else console.log(JSON.stringify(await manyStreams(name === "sse-bus" ? ours() : theirs())));
process.exit();

function ours(): Library {
  const publisher = new Redis(url);
  const bus = createBus({ backend: redisBackend({ client: publisher }) });
  const streams = createStreams({ bus });
  return {
    start: async (id, source) => streams.start(id, source),
    resume: async (id) => streams.resume(id),
  };
}

function theirs(): Library {
  const context = createResumableStreamContext({
    waitUntil: null,
    publisher: new Redis(url),
    subscriber: new Redis(url),
  });
  return {
    start: async (id, source) => context.createNewResumableStream(id, source),
    resume: async (id) => context.resumeExistingStream(id),
  };
}

/** @returns CPU seconds of this process and of Redis */
async function manyStreams(library: Library): Promise<Record<string, number>> {
  const redis = new Redis(url);
  await (await library.start("warm-up", () => source(3, 5)))?.pipeTo(new WritableStream());
  const before = { app: process.cpuUsage(), redis: await redisCpu(redis), at: performance.now() };
  const sizes = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      // Spread over the gap, as requests are.
      await sleep((index / count) * gapMs);
      const started = await library.start(`s${index}`, () => source(tokens, gapMs));
      const all = [sizeOf(started)];
      for (let reader = 0; reader < readers; reader++) {
        all.push(sizeOf(await library.resume(`s${index}`)));
      }
      return Promise.all(all);
    }),
  );
  const used = process.cpuUsage(before.app);
  const wanted = token(0).length * tokens;
  const wrong = sizes.flat().filter((size) => size !== wanted).length;
  return {
    wrong,
    app: (used.user + used.system) / 1e6,
    redis: (await redisCpu(redis)) - before.redis,
    seconds: (performance.now() - before.at) / 1000,
  };
}

/** The time from the source's first byte until the reader has it. */
async function firstByte(): Promise<Record<string, number>> {
  const bus = createBus({ backend: memoryBackend() });
  const streams = createStreams({ bus });
  const times: number[] = [];
  for (let round = 0; round < 300; round++) {
    let givenAt = 0;
    const body = await streams.start(`first-${round}`, async function* () {
      await sleep(5);
      givenAt = performance.now();
      yield token(0);
    });
    const reader = body.getReader();
    await reader.read();
    times.push(performance.now() - givenAt);
    while (!(await reader.read()).done);
  }
  times.sort((a, b) => a - b);
  return { medianMs: median(times), p99Ms: times[Math.floor(times.length * 0.99)] ?? 0 };
}

/** As a model gives them: the clock decides, not the reader. */
function source(length: number, everyMs: number): ReadableStream<string> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream<string>({
    start(controller) {
      let given = 0;
      timer = setInterval(() => {
        controller.enqueue(token(given));
        if (++given < length) return;
        clearInterval(timer);
        controller.close();
      }, everyMs);
    },
    cancel: () => clearInterval(timer),
  });
}

/** As the AI SDK sends a token. */
function token(number: number): string {
  return `data: {"type":"text-delta","id":"0","delta":" t${String(number).padStart(4, "0")}"}\n\n`;
}

async function sizeOf(stream: ReadableStream | null | undefined): Promise<number> {
  if (!stream) return 0;
  let size = 0;
  for await (const piece of stream) size += (piece as string | Uint8Array).length;
  return size;
}

async function redisCpu(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const read = (field: string): number =>
    Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)?.[1]);
  return read("used_cpu_user") + read("used_cpu_sys");
}

async function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
