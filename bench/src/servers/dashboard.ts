// Publishes what the demo's dashboard does, on the hub or on better-sse.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createChannel, createSession } from "better-sse";
import { createBus } from "sse-bus";
import { createHub } from "sse-bus/hub";
import { ready } from "./control.ts";

/** The runner's commands. Each is answered once it is done. */
export type DashboardCommand =
  | { readonly do: "rate"; readonly hz: number; readonly seconds: number }
  | { readonly do: "single"; readonly messages: number };

/** `delivered` and `stalls` are known on the hub only. */
export interface DashboardAnswer {
  readonly delivered: number;
  readonly stalls: number;
}

interface Recording {
  readonly sensors: readonly { readonly id: string; readonly values: readonly number[] }[];
}

const RECORDING = new URL("../../../apps/demo/features/dashboard/recording.json", import.meta.url);
const TICK_MS = 20;

const { sensors } = JSON.parse(readFileSync(RECORDING, "utf8")) as Recording;
const port = Number(process.env.PORT);
const bus = createBus();
const publish = process.env.LIBRARY === "better-sse" ? await betterSse() : await ours();
let step = 0;

process.on("message", (command: DashboardCommand) => void run(command));
process.on("disconnect", () => process.exit(0));
ready();

async function ours(): Promise<(reading: object, key: string) => unknown> {
  const compress = process.env.COMPRESS === "1";
  const hub = createHub({ bus, compress, maxConnections: 100_000 });
  await hub.listen(port);
  return async (reading, key) => bus.publish(reading, { channel: "readings", key });
}

async function betterSse(): Promise<(reading: object) => unknown> {
  const channel = createChannel();
  const server = createServer((request, response) => {
    void createSession(request, response).then((session) => {
      session.push({}, "hello");
      channel.register(session);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", 4096, resolve));
  return (reading) => channel.broadcast(reading);
}

async function run(command: DashboardCommand): Promise<void> {
  const before = bus.stats();
  if (command.do === "single") {
    for (let n = 0; n < command.messages; n++) {
      await next();
      await new Promise(setImmediate);
    }
  } else {
    const messages = command.hz * command.seconds;
    for (let sent = 0, due = 0; sent < messages; due += (command.hz * TICK_MS) / 1000) {
      for (; sent < due && sent < messages; sent++) next();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { delivered, stalls } = bus.stats();
  const answer: DashboardAnswer = {
    delivered: delivered - before.delivered,
    stalls: stalls - before.stalls,
  };
  process.send?.(answer);
}

function next(): unknown {
  const round = Math.floor(step / sensors.length);
  const { id, values } = sensors[step % sensors.length] as Recording["sensors"][number];
  step++;
  return publish({ id, value: values[round % values.length], run: 1764500000, count: round }, id);
}
