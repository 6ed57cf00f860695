import { readdirSync } from "node:fs";
import { Agent, request } from "node:http";
import { expect, test } from "vitest";
import { health } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { heapReporterArgs, serverMemory } from "../support/server-heap.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  type CheckedReader,
  createCheckedReader,
  createTally,
  type Tally,
} from "./checked-reader.ts";

const MINUTES = Number(process.env.SSE_BUS_SOAK_MINUTES ?? 3);
const MEGABYTE = 1_048_576;
const CHANNELS = Array.from({ length: 8 }, (_, n) => `soak/${n}`);
/** Messages a second, all channels together. */
const RATE = 100;
/** History holds 1,000 messages of up to 2 KB a channel, counted by the backend and by windows. */
const MAX_GROWTH = 48 * MEGABYTE;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const between = (low: number, high: number): number => low + Math.random() * (high - low);
const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

test(`soak for ${MINUTES} minutes`, async () => {
  await using app = await startDemo({
    env: { SSE_BUS_OPEN_PUBLISH: "1" },
    nodeArgs: heapReporterArgs,
  });
  const tally = createTally();
  const until = Date.now() + MINUTES * 60_000;
  const load: Load = { app, tally, isOver: () => Date.now() >= until, stored: new Map() };
  const start = await sample(app);

  const steady = [
    ...Array.from({ length: 40 }, (_, n) => reader(load, `steady ${n}`, [pick(CHANNELS)])),
    ...Array.from({ length: 10 }, (_, n) => reader(load, `pattern ${n}`, ["soak/*"])),
    ...Array.from({ length: 5 }, (_, n) =>
      reader(load, `several ${n}`, ["soak/0", "soak/3", "soak/*"]),
    ),
  ];
  await Promise.all(steady.map((own) => own.connect()));
  const samples: Sample[] = [];
  await Promise.all([
    publish(load),
    restartOnce(load, until),
    watch(load, samples),
    ...Array.from({ length: 30 }, (_, n) => dropAndResume(load, n)),
    ...Array.from({ length: 10 }, (_, n) => stallAndGoOn(load, n)),
    ...Array.from({ length: 5 }, (_, n) => stayAway(load, n)),
    churn(load),
  ]);

  await waitFor(
    "every steady reader to have the last message of each of its channels",
    () =>
      steady.every((own) => [...own.last].every(([name, n]) => n >= (load.stored.get(name) ?? 0))),
    { timeoutMs: 30_000 },
  ).catch((error: Error) => tally.violations.push(error.message));
  for (const own of steady) own.disconnect();
  await waitFor("no stream to be left", async () => (await health(app.url)).connections === 0, {
    timeoutMs: 60_000,
  }).catch((error: Error) => tally.violations.push(error.message));
  const end = await sample(app);
  judgeResources({ start, samples, end }, tally);

  console.log(report(load, { start, samples, end }));
  expect(tally.violations).toEqual([]);
});

interface Load {
  readonly app: NextServer;
  readonly tally: Tally;
  isOver(): boolean;
  /** The newest number of each channel that was certainly stored. */
  readonly stored: Map<string, number>;
}

interface Sample {
  readonly memory: number;
  readonly descriptors: number;
  readonly connections: number;
  readonly historyBytes: number;
}

interface Samples {
  readonly start: Sample;
  readonly samples: readonly Sample[];
  readonly end: Sample;
}

function reader({ app, tally }: Load, name: string, topics: readonly string[]): CheckedReader {
  return createCheckedReader({ name, topics, tally, url: `${app.url}/api/sse` });
}

/** Numbered messages, some of them much larger than the rest. */
async function publish({ app, stored, tally, isOver }: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CHANNELS.length });
  const numbers = new Map<string, number>();
  async function publishTo(channel: string): Promise<void> {
    // A failed publish uses up its number, because the message may have been stored.
    const n = (numbers.get(channel) ?? -1) + 1;
    numbers.set(channel, n);
    const pad = "x".repeat(Math.random() < 0.02 ? 20_000 : between(0, 2000));
    const isStored = await post(app, agent, { data: { c: channel, n, pad }, channel });
    if (isStored) stored.set(channel, n);
    else tally.uncertain.add(`${channel} ${n}`);
  }
  // One publish at a time per channel: two concurrent requests could arrive in the other order.
  await Promise.all(
    CHANNELS.map(async (channel) => {
      while (!isOver()) {
        await publishTo(channel);
        await sleep(between(0, (2000 * CHANNELS.length) / RATE));
      }
    }),
  );
  agent.destroy();
}

async function post(app: NextServer, agent: Agent, body: object): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { "Content-Type": "application/json" };
    request(`${app.url}/api/publish`, { method: "POST", agent, headers }, (response) =>
      response.resume().once("close", () => resolve(response.statusCode === 200)),
    )
      .once("error", () => resolve(false))
      .end(JSON.stringify(body));
  });
}

/** A deploy in the first quarter: every client gets `bye`, reconnects, and gets a gap for the lost history. */
async function restartOnce({ app, isOver }: Load, until: number): Promise<void> {
  await sleep(Math.max(5000, (until - Date.now()) / 4));
  if (isOver()) return;
  await app.stop();
  await app.start();
}

async function dropAndResume(load: Load, number: number): Promise<void> {
  const own = reader(load, `dropper ${number}`, pick([[pick(CHANNELS)], ["soak/*"]]));
  while (!load.isOver()) {
    await own.connect();
    await sleep(between(0, 3000));
    own.disconnect();
    await sleep(between(0, 500));
  }
}

/** Short stalls that have no effect, and long ones after which the server disconnects the client. */
async function stallAndGoOn(load: Load, number: number): Promise<void> {
  const own = reader(load, `staller ${number}`, ["soak/*"]);
  await own.connect();
  while (!load.isOver()) {
    own.pause();
    await sleep(between(1000, 45_000));
    own.resume();
    await sleep(between(1000, 5000));
  }
  own.disconnect();
}

/** Disconnects for longer than history lasts: each missed message is replayed or reported in a gap. */
async function stayAway(load: Load, number: number): Promise<void> {
  const own = reader(load, `traveller ${number}`, [pick(CHANNELS)]);
  while (!load.isOver()) {
    await own.connect();
    await sleep(between(2000, 5000));
    own.disconnect();
    const back = Date.now() + between(10_000, 120_000);
    while (Date.now() < back && !load.isOver()) await sleep(500);
  }
}

/** Connections that end before the stream is open. */
async function churn({ app, isOver }: Load): Promise<void> {
  while (!isOver()) {
    const call = request(`${app.url}/api/sse?channel=soak/**`, { agent: false });
    call.on("error", () => {});
    call.end();
    setTimeout(() => call.destroy(), between(0, 40));
    await sleep(50);
  }
}

async function watch(load: Load, samples: Sample[]): Promise<void> {
  while (!load.isOver()) {
    await sleep(10_000);
    const taken = await sample(load.app).catch(() => undefined);
    if (taken) samples.push(taken);
  }
}

async function sample(app: NextServer): Promise<Sample> {
  const { connections } = await health(app.url);
  const metrics = await (await fetch(`${app.url}/api/metrics`)).text();
  const bytes = metrics.matchAll(/^sse_bus_history_bytes\{[^}]*\} (\d+)$/gm);
  return {
    connections,
    historyBytes: [...bytes].reduce((sum, [, value]) => sum + Number(value), 0),
    memory: await serverMemory(app),
    descriptors: countDescriptors(app.process.pid),
  };
}

/** Open file descriptors of the server. Linux only; 0 elsewhere. */
function countDescriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

function judgeResources({ start, samples, end }: Samples, { violations }: Tally): void {
  const growth = end.memory - start.memory;
  if (growth > MAX_GROWTH) {
    violations.push(`the server holds ${format(growth)} more than at its start`);
  }
  // Once history is full, memory must not grow: compare the last third with the one before.
  const settled = samples.slice(Math.floor(samples.length / 3));
  const half = Math.floor(settled.length / 2);
  const trend = average(settled.slice(half)) - average(settled.slice(0, half));
  const filling = (settled.at(-1)?.historyBytes ?? 0) - (settled[0]?.historyBytes ?? 0);
  if (half > 2 && trend > 10 * MEGABYTE + Math.max(0, filling)) {
    violations.push(`memory grew by ${format(trend)} from one third of the time to the next`);
  }
  if (end.descriptors > start.descriptors + 10) {
    violations.push(`${end.descriptors - start.descriptors} descriptors were left open`);
  }
}

function average(samples: readonly Sample[]): number {
  return samples.reduce((sum, { memory }) => sum + memory, 0) / Math.max(1, samples.length);
}

function format(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

function report({ tally, stored }: Load, { start, samples, end }: Samples): string {
  const published = [...stored.values()].reduce((sum, n) => sum + n + 1, 0);
  const peak = Math.max(...samples.map(({ memory }) => memory));
  const most = Math.max(...samples.map(({ connections }) => connections));
  const byes = [...tally.byes].map(([reason, count]) => `${reason} ${count}`).join(", ");
  return [
    `published     ${published}, and ${tally.uncertain.size} without a response`,
    `received      ${tally.messages}, each checked`,
    `connects      ${tally.connects}, at most ${most} at once`,
    `gaps          ${tally.gaps}`,
    `byes          ${byes}`,
    `memory        ${format(start.memory)} at start, ${format(peak)} at most, ${format(end.memory)} at the end`,
    `descriptors   ${start.descriptors} at start, ${end.descriptors} at the end`,
    `violations    ${tally.violations.length}`,
    ...tally.violations.map((what) => `  ${what}`),
    `VERDICT       ${tally.violations.length === 0 ? "PASS" : "FAIL"}`,
  ].join("\n");
}
