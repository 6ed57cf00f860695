import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseStream } from "../../test/support/event-stream.ts";
import { nextLike, startHost } from "../../test/support/next-like-host.ts";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { drainConnections } from "../http/drain.ts";
import { routeContext } from "../http/route-context.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import { createHub } from "../hub/create-hub.ts";
import { turns } from "../../test/support/test-sink.ts";
import { proveFastPaths } from "./undocumented/prove-fast-paths.ts";

beforeAll(async () => {
  await proveFastPaths(["direct-sink", "host-release", "fast-lane"], (error) => {
    throw error;
  });
});

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function openBus(): Bus {
  const bus = createBus();
  buses.push(bus);
  return bus;
}

const GZIP = { "Accept-Encoding": "gzip" };

/** A compressed response, as it arrives. */
interface RawStream {
  readonly response: IncomingMessage;
  /** Everything so far, as it was sent. */
  received(): Buffer;
  readonly ended: Promise<unknown>;
}

async function openRaw(port: number, headers: Record<string, string> = GZIP): Promise<RawStream> {
  const request = get({ port, path: "/sse", agent: false, headers });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(response, "readable").catch(() => {});
  return { response, received: () => Buffer.concat(chunks), ended: once(response, "end") };
}

function eventsOf(bytes: Uint8Array): string[] {
  return parseStream([bytes]).map(({ event = "message", data }) =>
    event === "message" ? data : event,
  );
}

/** The hosts on which streams are compressed; `kind` is that of their sinks. */
const hosts = [
  {
    name: "the hub's fast lane",
    kind: "direct",
    async start(bus: Bus) {
      const hub = createHub({ bus, compress: true });
      const port = Number(new URL(await hub.listen(0)).port);
      return { port, headers: {}, [Symbol.asyncDispose]: () => hub.close() };
    },
  },
  {
    name: "the hub's node:http server",
    kind: "direct",
    async start(bus: Bus) {
      const hub = createHub({ bus, compress: true });
      const port = Number(new URL(await hub.listen(0)).port);
      // Not plain, so that the fast lane leaves it to node:http.
      return { port, headers: { TE: "trailers" }, [Symbol.asyncDispose]: () => hub.close() };
    },
  },
  {
    name: "a host such as Next.js, directly",
    kind: "direct",
    async start(bus: Bus) {
      const host = await startHost(bus, { stream: { compress: true } });
      return { port: host.port, headers: {}, [Symbol.asyncDispose]: host[Symbol.asyncDispose] };
    },
  },
  {
    name: "a host such as Next.js, through the web stream",
    kind: "web",
    async start(bus: Bus) {
      const host = await startHost(bus, { stream: { compress: true, sink: "web" } });
      return { port: host.port, headers: {}, [Symbol.asyncDispose]: host[Symbol.asyncDispose] };
    },
  },
];

describe.each(hosts)("on $name", ({ kind, start }) => {
  test("many streams receive a fraction of the bytes, and each is one correct gzip stream", async () => {
    const bus = openBus();
    await using host = await start(bus);
    const accept = { ...GZIP, ...host.headers };
    const streams = await Promise.all(Array.from({ length: 20 }, () => openRaw(host.port, accept)));
    const plain = await openRaw(host.port, { "Accept-Encoding": "identity", ...host.headers });
    const { connections, engine } = routeContext(bus);
    expect(new Set([...connections.open].map((stream) => stream.sink()))).toEqual(new Set([kind]));
    const sent: string[] = [];
    for (let n = 0; n < 60; n++) {
      await bus.publish({ name: "orders", value: n, trend: "up", region: "eu-central-1" });
      sent.push(JSON.stringify({ name: "orders", value: n, trend: "up", region: "eu-central-1" }));
      // The web stream takes the next packet when it is read.
      await turns(1);
    }
    drainConnections(routeContext(bus));
    await Promise.all([...streams, plain].map(async ({ ended }) => ended));
    for (const { response, received } of streams) {
      expect(response.headers).toMatchObject({
        "content-encoding": "gzip",
        vary: "Accept-Encoding",
      });
      // Throws at a wrong checksum or length, and without a trailer.
      expect(eventsOf(gunzipSync(received()))).toEqual(["hello", ...sent, "bye"]);
    }
    expect(plain.response.headers).not.toHaveProperty("content-encoding");
    expect(plain.response.headers).toMatchObject({ vary: "Accept-Encoding" });
    expect(eventsOf(plain.received())).toEqual(["hello", ...sent, "bye"]);
    const most = Math.max(...streams.map(({ received }) => received().length));
    if (kind === "direct") expect(most).toBeLessThan(plain.received().length * 0.35);
    expect(engine.traffic.sent).toBeLessThan(engine.traffic.bytes);
  });
});

describe("a route that compresses", () => {
  function setUp(options: Parameters<typeof createStreamHandler>[1] = { compress: true }) {
    const bus = openBus();
    const handle = createStreamHandler(routeContext(bus), options, nextLike);
    const open = (headers: Record<string, string>, method = "GET") =>
      handle(new Request("http://localhost/api/sse", { headers, method }));
    return { bus, open };
  }

  test("leaves a client alone that does not accept gzip, and says that the answer varies", async () => {
    const { open } = setUp();
    for (const headers of [{}, { "Accept-Encoding": "br" }, { "Accept-Encoding": "gzip;q=0" }]) {
      const response = await open(headers);
      expect(response.headers.get("content-encoding")).toBeNull();
      expect(response.headers.get("vary")).toBe("Accept-Encoding");
      await response.body?.cancel();
    }
  });

  test("answers HEAD with the same headers", async () => {
    const { open } = setUp();
    const { headers } = await open(GZIP, "HEAD");
    expect(headers.get("content-encoding")).toBe("gzip");
    expect(headers.get("cache-control")).toBe("no-cache, no-transform");
  });

  test("names everything that its answer depends on", async () => {
    const { open } = setUp({ compress: true, cors: { origins: ["https://app.example.com"] } });
    const { headers } = await open(GZIP, "HEAD");
    expect(headers.get("vary")).toBe("Origin, Accept-Encoding");
  });

  test("is a choice of the route", async () => {
    const { open } = setUp({});
    const { headers } = await open(GZIP, "HEAD");
    expect(headers.get("content-encoding")).toBeNull();
    expect(headers.get("vary")).toBeNull();
    expect(() => setUp({ compress: "yes" as never })).toThrow("`compress` must be true or false.");
  });

  test("ends a stream in order that ends before it began", async () => {
    const bus = openBus();
    const context = routeContext(bus);
    const handle = createStreamHandler(context, { compress: true }, nextLike);
    const answer = handle(new Request("http://localhost/api/sse", { headers: GZIP }));
    while (context.connections.open.size === 0) await turns(1);
    drainConnections(context);
    const bytes = Buffer.from(await (await answer).arrayBuffer());
    expect(eventsOf(gunzipSync(bytes))).toContain("bye");
  });
});
