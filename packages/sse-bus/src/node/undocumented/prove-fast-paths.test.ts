import { channel } from "node:diagnostics_channel";
import { OutgoingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer, Socket } from "node:net";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { actAsNextsOwnServer, startHost } from "../../../test/support/next-like-host.ts";
import type { Bus } from "../../core/bus-types.ts";
import { internalsOf } from "../../core/bus.ts";
import { type FastPath, fastPathStates, isFastPathOn } from "../../http/fast-paths.ts";
import { createHealthHandler } from "../../http/health-handler.ts";
import { webHandler } from "../../http/web-call.ts";
import { createHub } from "../../hub/create-hub.ts";
import { createBus, inspectBus } from "../../index.ts";
import { takeOverStreams } from "../../next/take-over-streams.ts";
import { proveFastPaths } from "./prove-fast-paths.ts";
import { takenPaths } from "./take-over.ts";
import { routeContext } from "../../http/route-context.ts";

const ALL: readonly FastPath[] = ["direct-sink", "host-release", "take-over", "fast-lane"];

/** Each test simulates a process that has just started. */
beforeEach(() => {
  delete (globalThis as Record<symbol, unknown>)[Symbol.for("sse-bus.fast-paths")];
});

async function prove(paths: readonly FastPath[] = ALL): Promise<string[]> {
  const reports: string[] = [];
  await proveFastPaths(paths, ({ message }) => reports.push(message));
  return reports;
}

test("on a working Node.js every fast path proves itself, and leaves nothing open", async () => {
  const sockets = (): string[] =>
    process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP"));
  expect(sockets()).toEqual([]);
  // A proof that waits fails after ten ticks of a timer, which a busy machine also delays.
  expect(await prove()).toEqual([]);
  for (const path of ALL) expect(isFastPathOn(path), path).toBe(true);
  await vi.waitFor(() => expect(sockets()).toEqual([]));
});

test("a fast path is not used before its proof ends, and no proof runs twice", async () => {
  const listen = vi.spyOn(NetServer.prototype, "listen");
  const proofs = [prove(["direct-sink"]), prove(["direct-sink"])];
  expect(fastPathStates()["direct-sink"]).toEqual({ status: "unused" });
  await Promise.all(proofs);
  expect(listen).toHaveBeenCalledTimes(1);
  expect(isFastPathOn("direct-sink")).toBe(true);
  expect(fastPathStates()["host-release"]).toEqual({ status: "unused" });
});

type Fault = () => () => void;

/** Replaces a method of a primitive of Node.js, and restores it. */
function replace(
  target: object,
  name: string,
  make: (own: (...all: unknown[]) => unknown) => (this: never, ...all: never[]) => unknown,
): () => void {
  const properties = target as Record<string, unknown>;
  const isOwn = Object.hasOwn(target, name);
  const own = properties[name] as () => unknown;
  properties[name] = make(own);
  return () => {
    if (isOwn) properties[name] = own;
    else delete properties[name];
  };
}

const announcements = channel("http.server.request.start");

const FAULTS: readonly (readonly [FastPath, string, Fault])[] = [
  [
    "direct-sink",
    "the head leaves later than what is written to the socket",
    () => replace(OutgoingMessage.prototype, "flushHeaders", () => () => {}),
  ],
  [
    "direct-sink",
    "what is written to the socket loses its framing, as on Bun",
    () =>
      replace(
        Socket.prototype,
        "write",
        (own) =>
          function (this: Socket, ...all: unknown[]) {
            const [bytes] = all;
            const isOurs = bytes instanceof Uint8Array && String(bytes).startsWith("3\r\n");
            return own.call(this, ...(isOurs ? [bytes.subarray(3, -2)] : all));
          },
      ),
  ],
  [
    "direct-sink",
    "a response has no socket any more once its head has left",
    () =>
      replace(
        OutgoingMessage.prototype,
        "flushHeaders",
        (own) =>
          function (this: ServerResponse) {
            own.call(this);
            Object.defineProperty(this, "socket", { value: null });
          },
      ),
  ],
  [
    "direct-sink",
    "a response that has written nothing itself ends without its last chunk",
    () =>
      replace(
        ServerResponse.prototype,
        "end",
        (own) =>
          function (this: ServerResponse, ...all: unknown[]) {
            const isUnwritten = this.chunkedEncoding && all.length === 0;
            if (isUnwritten) this.socket?.destroy();
            return own.call(this, ...all);
          },
      ),
  ],
  [
    "host-release",
    "destroy() closes the socket of a response that counts as destroyed",
    () =>
      replace(
        ServerResponse.prototype,
        "destroy",
        (own) =>
          function (this: ServerResponse, ...all: unknown[]) {
            this.socket?.destroy();
            return own.call(this, ...all);
          },
      ),
  ],
  [
    "host-release",
    "destroy() always emits a close of its own, as Node 24 does without a socket",
    () =>
      replace(
        ServerResponse.prototype,
        "destroy",
        (own) =>
          function (this: ServerResponse, ...all: unknown[]) {
            process.nextTick(() => this.emit("close"));
            return own.call(this, ...all);
          },
      ),
  ],
  [
    "host-release",
    "end() does nothing on a response that counts as destroyed",
    () =>
      replace(
        ServerResponse.prototype,
        "end",
        (own) =>
          function (this: ServerResponse, ...all: unknown[]) {
            return this.destroyed ? this : own.call(this, ...all);
          },
      ),
  ],
  [
    "take-over",
    "requests are not announced",
    () => replace(announcements, "publish", () => () => {}),
  ],
  [
    "take-over",
    "requests are announced after they were emitted",
    () =>
      replace(
        announcements,
        "publish",
        (own) =>
          (...all) =>
            setImmediate(() => own.call(announcements, ...all)),
      ),
  ],
  [
    "fast-lane",
    "a server has no listener of connections, as on Bun",
    () =>
      replace(
        Server.prototype,
        "listeners",
        (own) =>
          function (this: Server, ...all: unknown[]) {
            return all[0] === "connection" ? [] : own.call(this, ...all);
          },
      ),
  ],
  [
    "fast-lane",
    "a server does not take the bytes that were read before it had the connection",
    () =>
      replace(
        Server.prototype,
        "listeners",
        (own) =>
          function (this: Server, ...all: unknown[]) {
            const listeners = own.call(this, ...all) as ((socket: Socket) => void)[];
            if (all[0] !== "connection") return listeners;
            return listeners.map((listener) => (socket: Socket) => {
              listener.call(this, socket);
              for (const each of socket.listeners("data")) socket.off("data", each as () => void);
            });
          },
      ),
  ],
];

describe.each(FAULTS)("%s, where %s,", (path, _, inject) => {
  test("is off, reports why once, and its streams use the safe path", async () => {
    const errors: (Error & { code?: string })[] = [];
    await using bus = createBus({ onError: (error) => errors.push(error) });
    const mend = inject();
    try {
      await proveFastPaths(ALL, internalsOf(bus).onError);
      await proveFastPaths(ALL, internalsOf(bus).onError);
      expect(isFastPathOn(path)).toBe(false);
      const reported = errors.filter(({ message }) => message.includes(`\`${path}\` is off: `));
      expect(reported.map(({ code }) => code)).toEqual(["FAST_PATH_OFF"]);
      const { reason = "" } = inspectBus(bus).fastPaths[path];
      expect(reason).not.toBe("");
      expect(reported[0]?.message).toContain(reason);
      const host = { socketIp: () => undefined, trustedProxies: 0 };
      const health = webHandler(createHealthHandler(routeContext(bus)), host);
      const response = await health(new Request("http://x/api/health"));
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ fastPathsOff: { [path]: reason } });
      await expectDelivery(path, bus);
    } finally {
      mend();
    }
  });
});

/** Uses the path while the fault exists. */
async function expectDelivery(path: FastPath, bus: Bus): Promise<void> {
  if (path === "take-over") {
    takeOverStreams({ path: "/api/proved", bus });
    expect(takenPaths()).toEqual([]);
    return;
  }
  if (path === "direct-sink" || path === "host-release") {
    actAsNextsOwnServer();
    await using host = await startHost(bus);
    await expectMessages(bus, await host.open());
  }
  if (path === "direct-sink" || path === "fast-lane") {
    await using hub = createHub({ bus });
    const url = await hub.listen(0);
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: "ok" });
    const reading = new AbortController();
    const { body } = await fetch(`${url}/sse`, { signal: reading.signal });
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    await expectMessages(bus, {
      read: async () => String(Buffer.from((await reader.read()).value ?? [])),
      leave: () => reading.abort(),
    });
  }
}

async function expectMessages(
  bus: Bus,
  stream: { read(): Promise<string>; leave(): void },
): Promise<void> {
  expect(await stream.read()).toContain("event: hello");
  for (const message of ["one", "two"]) {
    await bus.publish(message);
    expect(await stream.read()).toContain(`data: "${message}"`);
  }
  stream.leave();
  await vi.waitFor(() => expect(bus.stats().connections).toBe(0));
}

test.each<[string, Fault]>([
  [
    "listened on",
    () =>
      replace(NetServer.prototype, "listen", () => () => {
        throw new Error("listen EPERM: operation not permitted 127.0.0.1");
      }),
  ],
  [
    "connected to",
    () =>
      replace(
        Socket.prototype,
        "connect",
        () =>
          function (this: Socket) {
            return this.destroy(new Error("connect EPERM 127.0.0.1"));
          },
      ),
  ],
])(
  "if the loopback address cannot be %s, every fast path is off and reports why",
  async (_, inject) => {
    const mend = inject();
    const reports = await prove();
    mend();
    expect(reports).toHaveLength(ALL.length);
    for (const path of ALL) {
      expect(fastPathStates()[path]).toMatchObject({ status: "off", reason: /EPERM/ });
    }
  },
);

test("a host that ends a stream after the emitted `close` turns the release off", async () => {
  actAsNextsOwnServer();
  const errors: string[] = [];
  await using bus = createBus({ onError: ({ message }) => errors.push(message) });
  await proveFastPaths(ALL, internalsOf(bus).onError);
  // Like a Next.js that ends the response on `close`.
  await using host = await startHost(bus, { onClose: (response) => void response.end() });
  const first = await host.open();
  expect(await first.read()).toContain("event: hello");
  expect(await first.read()).toBe("");
  expect(errors.join()).toContain("`host-release` is off: Next.js ended a response");
  await expectMessages(bus, await host.open());
  expect(errors).toEqual([expect.any(String)]);
});
