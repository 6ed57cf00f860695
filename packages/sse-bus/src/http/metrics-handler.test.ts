import { Counter, Registry } from "prom-client";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Backend, BackendHost } from "../core/backend.ts";
import { createBus } from "../core/bus.ts";
import type { Bus, BusOptions } from "../core/bus-types.ts";
import { drainConnections } from "./drain.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { createMetricsHandler } from "./metrics-handler.ts";
import type { MetricsOptions } from "./metrics-options.ts";
import { createPublishHandler } from "./publish-handler.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { StreamOptions } from "./stream-options.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { webHandler } from "./web-call.ts";
import { routeContext } from "./route-context.ts";

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

const host = { socketIp: () => undefined, trustedProxies: 0 };

function setUp(options: StreamOptions = {}, busOptions: BusOptions = {}, own: MetricsOptions = {}) {
  const bus = createBus(busOptions);
  buses.push(bus);
  const context = routeContext(bus);
  const handle = webHandler(createMetricsHandler(context, own), host);
  const stream = createStreamHandler(context, options, host);
  const publish = webHandler(
    createPublishHandler(
      context,
      { maxPublishesPerMinute: 2 },
      { env: () => ({ SSE_BUS_OPEN_PUBLISH: "1" }) },
    ),
    host,
  );
  async function scrape(): Promise<Map<string, number>> {
    const text = await (await handle(new Request("http://localhost/api/metrics"))).text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => {
        const space = line.lastIndexOf(" ");
        return [line.slice(0, space).replace(/^sse_bus_/, ""), Number(line.slice(space + 1))];
      }),
    );
  }
  const get = (query = "", headers: Record<string, string> = {}) =>
    stream(new Request(`http://localhost/api/sse${query}`, { headers }));
  return { bus, context, handle, publish, get, scrape };
}

test("is Prometheus text that is never cached, each metric with help and type", async () => {
  const { handle } = setUp();
  const response = await handle(new Request("http://localhost/api/metrics"));
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const text = await response.text();
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(15);
  for (const name of names) expect(name).toMatch(/^sse_bus_/);
  expect(new Set(names).size).toBe(names.length);
});

test("streams are counted when they open, end or are refused, by reason", async () => {
  const { context, get, scrape } = setUp({ maxConnections: 2 });
  const first = readTestStream(await get());
  await first.next();
  await get();
  await get();
  await get("?channel=no spaces");
  await first.cancel();
  const open = await scrape();
  expect(open.get("connections")).toBe(1);
  expect(open.get("connects_total")).toBe(2);
  expect(open.get('disconnects_total{reason="client"}')).toBe(1);
  expect(open.get('disconnects_total{reason="slow"}')).toBe(0);
  expect(open.get('refusals_total{reason="TOO_MANY_CONNECTIONS"}')).toBe(1);
  expect(open.get('refusals_total{reason="INVALID_CHANNEL"}')).toBe(1);
  expect(open.get('limits_hit_total{limit="maxConnections"}')).toBe(1);
  expect(open.get('limits_hit_total{limit="maxChannels"}')).toBe(0);
  expect(open.get("draining")).toBe(0);
  drainConnections(context);
  const drained = await scrape();
  expect(drained.get("connections")).toBe(0);
  expect(drained.get('disconnects_total{reason="drain"}')).toBe(1);
  expect(drained.get("draining")).toBe(1);
});

test("bytes and frames are exactly those on the wire", async () => {
  const { bus, get, scrape } = setUp();
  const [one, two] = [await get(), await get()];
  await bus.publish({ text: "ü 😀" });
  await bus.publish("named", { event: "named" });
  await bus.publish("elsewhere", { channel: "other" });
  let bytes = 0;
  let blocks = 0;
  for (const { body } of [one, two]) {
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    for (let seen = 0; seen < 3;) {
      const { value = new Uint8Array() } = await reader.read();
      bytes += value.length;
      const here = new TextDecoder().decode(value).split("\n\n").length - 1;
      seen += here;
      blocks += here;
    }
  }
  const metrics = await scrape();
  expect(blocks).toBe(6);
  expect(metrics.get("frames_delivered_total")).toBe(6);
  expect(metrics.get("bytes_delivered_total")).toBe(bytes);
  expect(metrics.get("bytes_sent_total")).toBe(bytes);
  expect(metrics.get("messages_delivered_total")).toBe(4);
  expect(metrics.get("messages_published_total")).toBe(3);
});

test("complete and incomplete resumes are counted separately, and so are gaps", async () => {
  const { bus, get, scrape } = setUp();
  const { id } = await bus.publish(1);
  await bus.publish(2);
  for (const lastEventId of [id, "5-mb1x2k3f-k3x9q7aa"]) {
    const stream = readTestStream(await get("", { "Last-Event-ID": lastEventId }));
    await stream.next();
    await stream.next();
    await stream.cancel();
  }
  const metrics = await scrape();
  expect(metrics.get('resumes_total{outcome="complete"}')).toBe(1);
  expect(metrics.get('resumes_total{outcome="gap"}')).toBe(1);
  expect(metrics.get("gaps_total")).toBe(1);
});

test("lag is that of the stream furthest behind, includes dropped messages, and falls to zero", async () => {
  const { bus, get, scrape } = setUp({}, { history: { maxMessages: 10 } });
  const slow = readTestStream(await get());
  const fast = readTestStream(await get());
  await slow.next();
  await fast.next();
  for (let n = 1; n <= 25; n++) {
    await bus.publish(n);
    expect(await fast.next()).toMatchObject({ data: String(n) });
  }
  const behind = await scrape();
  expect(behind.get("reader_lag_messages")).toBe(25);
  expect(behind.get("write_stalls_total")).toBeGreaterThan(0);
  expect((await slow.next())?.event).toBe("gap");
  for (let n = 16; n <= 25; n++) expect(await slow.next()).toMatchObject({ data: String(n) });
  expect((await scrape()).get("reader_lag_messages")).toBe(0);
});

test("history bytes grow and stay within the limit", async () => {
  const { bus, scrape } = setUp({}, { maxHistoryBytes: 20_000 });
  bus.subscribe(() => {});
  const empty = (await scrape()).get('history_bytes{holder="backend"}') ?? Number.NaN;
  await bus.publish("x".repeat(1000));
  const one = await scrape();
  expect(one.get('history_bytes{holder="backend"}')).toBeGreaterThan(empty + 1000);
  expect(one.get('history_bytes{holder="windows"}')).toBeGreaterThan(1000);
  for (let n = 0; n < 100; n++) await bus.publish("x".repeat(1000), { channel: `c/${n % 7}` });
  const many = await scrape();
  expect(many.get("history_limit_bytes")).toBe(20_000);
  expect(many.get('history_bytes{holder="backend"}')).toBeLessThanOrEqual(20_000);
});

describe("the backend's state", () => {
  test("is up before anything is published, then follows the backend's reports", async () => {
    let own: BackendHost | undefined;
    const memory = memoryBackend();
    const backend: Backend = {
      ...memory,
      name: "other",
      async open(given) {
        own = given;
        await memory.open(given);
      },
    };
    const { scrape } = setUp({}, { backend });
    const up = 'backend_up{backend="other"}';
    expect((await scrape()).get(up)).toBe(1);
    own?.onStatus("down");
    expect((await scrape()).get(up)).toBe(0);
  });

  test("is down if it cannot be reached", async () => {
    const open = (): Promise<void> => Promise.reject(new Error("ECONNREFUSED"));
    const { scrape } = setUp({}, { backend: { ...memoryBackend(), open }, onError() {} });
    expect((await scrape()).get('backend_up{backend="memory"}')).toBe(0);
  });
});

test("limits of publishing are counted", async () => {
  const { publish, scrape } = setUp({}, { maxMessageBytes: 10 });
  const body = JSON.stringify({ data: "x".repeat(100) });
  const headers = { "Content-Type": "application/json" };
  for (let n = 0; n < 3; n++) {
    await publish(new Request("http://localhost/", { method: "POST", body, headers }));
  }
  const metrics = await scrape();
  expect(metrics.get('limits_hit_total{limit="maxMessageBytes"}')).toBe(2);
  expect(metrics.get('limits_hit_total{limit="maxPublishesPerMinute"}')).toBe(1);
});

test("Node's own metrics are included only on request, and an app's registry is included completely", async () => {
  const registry = new Registry();
  new Counter({ name: "app_orders_total", help: "Orders", registers: [registry] }).inc(3);
  const { scrape } = setUp({}, {}, { registry, nodeMetrics: true });
  const metrics = await scrape();
  expect(metrics.get("app_orders_total")).toBe(3);
  expect([...metrics.keys()].some((name) => name.startsWith("nodejs_"))).toBe(true);
  const plain = await setUp().scrape();
  expect([...plain.keys()].some((name) => name.startsWith("nodejs_"))).toBe(false);
});

test("without prom-client it answers 501 with what to install, and reports it once", async () => {
  vi.resetModules();
  vi.doMock("prom-client", () => {
    throw new Error("Cannot find package 'prom-client'");
  });
  try {
    const { createMetricsHandler: create } = await import("./metrics-handler.ts");
    const errors: Error[] = [];
    const bus = createBus({ onError: (error) => errors.push(error) });
    buses.push(bus);
    const handle = webHandler(create(routeContext(bus)), host);
    for (let scrape = 0; scrape < 2; scrape++) {
      const response = await handle(new Request("http://localhost/api/metrics"));
      expect(response.status).toBe(501);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({
        code: "METRICS_UNAVAILABLE",
        title: "Metrics unavailable",
        detail: expect.stringContaining("npm install prom-client"),
      });
    }
    expect(errors).toMatchObject([{ code: "METRICS_UNAVAILABLE" }]);
  } finally {
    vi.doUnmock("prom-client");
    vi.resetModules();
  }
});

test("with `allowedHosts`, another host gets no metrics, but an IP address does", async () => {
  const { handle } = setUp({}, {}, { allowedHosts: [] });
  const from = async (host: string) =>
    (await handle(new Request("http://x/api/metrics", { headers: { Host: host } }))).status;
  expect(await from("evil.example")).toBe(403);
  expect(await from("127.0.0.1:9090")).toBe(200);
});
