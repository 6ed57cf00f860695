import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { cpus } from "./machine.ts";
import { native } from "./native.ts";
import { benchFolder, nextFolder } from "./paths.ts";
import { helper, nextMessage, start, stop } from "./process.ts";
import type { Command, Memory } from "./servers/control.ts";
import type { Subject } from "./subject.ts";
import { usageOf, type Usage } from "./usage.ts";

/** A server under test, on its own core. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  usage(): Usage;
  /**
   * Publishes as fast as it can, `batch` messages in one turn of its event loop. What it returns
   * settles with the last publish if another process executes it.
   */
  burst(messages: number, batch: number): void | Promise<void>;
  /** Publishes at a steady rate. */
  rate(messages: number, hz: number): void;
  /** After a garbage collection; `undefined` if it does not run on Node.js. */
  memory(): Promise<Memory | undefined>;
}

export interface Variant extends Subject {
  /** The path of the stream; with channels, `%d` is the reader's. */
  readonly path: string;
  /** Accepts messages only over HTTP, one at a time. */
  readonly isWithoutBursts?: boolean;
  /** A workload may set `CHANNELS`, `HEARTBEAT_MS` and `REPLAY`. */
  start(env?: Record<string, string>): Promise<Server>;
}

/** Bytes of JSON in each message. */
const MESSAGE_BYTES = 200;

const NGINX_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** Whether nginx has nchan on this machine. */
export function hasNchan(): boolean {
  return existsSync(NGINX_MODULE);
}

export const variants: readonly Variant[] = [
  {
    name: "c-send",
    title: "bare C send() loop",
    path: "/",
    start: startSendLoop,
  },
  {
    name: "nchan",
    title: "nginx + nchan, 1 worker",
    path: "/sub",
    isWithoutBursts: true,
    start: startNchan,
    missing: () => (hasNchan() ? undefined : "libnginx-mod-nchan is not installed"),
  },
  {
    name: "raw",
    title: "node:http, res.write each",
    path: "/",
    start: (env) => startNode("raw", env),
  },
  {
    name: "better-sse",
    title: "better-sse 0.16",
    path: "/",
    start: (env) => startNode("better-sse", env),
  },
  {
    name: "hub",
    title: "sse-bus hub",
    path: "/sse",
    isOurs: true,
    start: (env) => startNode("hub", env),
  },
  {
    name: "next-naive",
    title: "naive Next route",
    path: "/api/naive",
    start: (env) => startNext({ VARIANT: "naive", ...env }),
  },
  {
    name: "next-web",
    title: "sse-bus Next route, web stream",
    path: "/api/sse",
    isOurs: true,
    start: (env) => startNext({ SSE_BUS_SINK: "web", ...env }),
  },
  {
    name: "next-direct",
    title: "sse-bus Next route",
    path: "/api/sse",
    isOurs: true,
    start: (env) => startNext(env),
  },
  {
    name: "next-takeover",
    title: "sse-bus Next, streams taken over",
    path: "/api/sse",
    isOurs: true,
    start: (env) => startNext({ VARIANT: "takeover", ...env }),
  },
];

async function startSendLoop(): Promise<Server> {
  const port = await freePort();
  const program = helper(start(cpus.server, [native("sendloop"), String(port)]));
  await program.next("ready");
  return {
    port,
    usage: () => usageOf(program.child.pid as number),
    burst: (messages, batch) => program.send(`burst ${messages} ${batch} ${MESSAGE_BYTES}`),
    rate: (messages, hz) => program.send(`rate ${messages} ${hz} ${MESSAGE_BYTES}`),
    memory: async () => undefined,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

export async function startNode(name: string, env: Record<string, string> = {}): Promise<Server> {
  const port = await freePort();
  const file = join(benchFolder, "dist/servers", `${name}.js`);
  const child = start(cpus.server, [process.execPath, "--expose-gc", file], {
    env: { ...env, PORT: String(port), NODE_ENV: "production" },
    ipc: true,
  });
  await nextMessage(child);
  return nodeServer(child, port);
}

export async function startNext(env: Record<string, string> = {}): Promise<Server> {
  const port = await freePort();
  const next = join(benchFolder, "node_modules/next/dist/bin/next");
  const child = start(
    cpus.server,
    [process.execPath, "--expose-gc", next, "start", "-p", String(port), "-H", "127.0.0.1"],
    { cwd: nextFolder, env: { ...env, NEXT_TELEMETRY_DISABLED: "1" }, ipc: true },
  );
  for await (const text of (child.stdout as NodeJS.ReadableStream).setEncoding("utf8")) {
    if (String(text).includes("Ready in")) break;
  }
  // Its instrumentation.ts, which connects to the runner, runs within the first request.
  const response = await fetch(`http://127.0.0.1:${port}/`);
  if (!response.ok) throw new Error(`The Next app answered ${response.status}`);
  return nodeServer(child, port);
}

function nodeServer(child: ChildProcess, port: number): Server {
  const send = (command: Command): void => void child.send(command);
  return {
    port,
    usage: () => usageOf(child.pid as number),
    burst: (messages, batch) => send({ do: "burst", messages, batch, size: MESSAGE_BYTES }),
    rate: (messages, hz) => send({ do: "rate", messages, hz, size: MESSAGE_BYTES }),
    async memory() {
      send({ do: "memory" });
      return nextMessage<Memory>(child);
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

export async function startNchan({ REPLAY }: Record<string, string> = {}): Promise<Server> {
  const port = await freePort();
  const folder = join(benchFolder, ".cache/nchan");
  // Left by an interrupted run.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "tmp"), { recursive: true });
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/tmp/${name};`)
    .join(" ");
  const first = REPLAY === undefined ? "newest" : "oldest";
  writeFileSync(
    join(folder, "nginx.conf"),
    `
      load_module ${NGINX_MODULE};
      daemon off; worker_processes 1; worker_rlimit_nofile 200000; pid ${folder}/pid; error_log stderr crit;
      events { worker_connections 100000; }
      http {
        access_log off; keepalive_requests 10000000; ${paths}
        server {
          listen 127.0.0.1:${port} backlog=4096;
          location = /sub { nchan_subscriber eventsource; nchan_channel_id c; nchan_subscriber_first_message ${first}; }
          location = /pub { nchan_publisher; nchan_channel_id c; nchan_message_buffer_length ${REPLAY ?? 10}; }
        }
      }
    `,
  );
  const command = ["nginx", "-p", folder, "-c", join(folder, "nginx.conf")];
  // SIGKILL would leave its worker running.
  const child = start(cpus.server, command, { endSignal: "SIGTERM" });
  await listening(port);
  let publisher: ChildProcess | undefined;
  const publish = (messages: number, hz: number): ChildProcess => {
    const args = [port, "/pub", messages, MESSAGE_BYTES, hz].map(String);
    // On the generator's core: a publisher is not part of the server.
    return (publisher = start(cpus.generator, [native("publish"), ...args]));
  };
  return {
    port,
    usage: () => usageOf(child.pid as number),
    async burst(messages) {
      await once(publish(messages, 0), "exit");
    },
    rate: (messages, hz) => void publish(messages, hz),
    memory: async () => undefined,
    async [Symbol.asyncDispose]() {
      if (publisher) await stop(publisher);
      await stop(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Nothing listens on ${port}`);
}
