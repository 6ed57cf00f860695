import { afterEach, expect, test } from "vitest";
import type { Backend, BackendHost } from "../core/backend.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { drainConnections } from "./drain.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { createHealthHandler } from "./health-handler.ts";
import { webHandler } from "./web-call.ts";
import { routeContext } from "./route-context.ts";

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

const host = { socketIp: () => undefined, trustedProxies: 0 };

function setUp(backend: Backend = memoryBackend()) {
  const bus = createBus({ backend, onError() {} });
  buses.push(bus);
  const handle = webHandler(createHealthHandler(routeContext(bus)), host);
  return {
    bus,
    async health() {
      const response = await handle(new Request("http://localhost/api/health"));
      return { status: response.status, body: (await response.json()) as { status: string } };
    },
  };
}

test("ok before anything is published or read", async () => {
  const { health } = setUp();
  expect(await health()).toEqual({
    status: 200,
    body: { status: "ok", backend: "memory", connections: 0, channels: 0 },
  });
});

test("draining is 503 immediately", async () => {
  const { bus, health } = setUp();
  drainConnections(internalsOf(bus));
  expect(await health()).toMatchObject({ status: 503, body: { status: "draining" } });
});

test("a disconnected backend is 503 until it reconnects", async () => {
  let host: BackendHost | undefined;
  const memory = memoryBackend();
  const { health } = setUp({
    ...memory,
    async open(own) {
      host = own;
      await memory.open(own);
    },
  });
  expect((await health()).status).toBe(200);
  host?.onStatus("down");
  expect(await health()).toMatchObject({ status: 503, body: { status: "down" } });
  host?.onStatus("up");
  expect((await health()).status).toBe(200);
});

test("an unreachable backend is 503, and each probe tries again", async () => {
  let attempts = 0;
  const memory = memoryBackend();
  const { health } = setUp({
    ...memory,
    async open(host) {
      if (++attempts < 3) throw new Error("ECONNREFUSED");
      await memory.open(host);
    },
  });
  expect((await health()).status).toBe(503);
  expect((await health()).status).toBe(503);
  expect((await health()).status).toBe(200);
});

test("a backend that hangs is 503 before a probe times out", async () => {
  const { health } = setUp({ ...memoryBackend(), open: () => new Promise(() => {}) });
  const started = performance.now();
  expect(await health()).toMatchObject({ status: 503, body: { status: "down" } });
  expect(performance.now() - started).toBeLessThan(4000);
});

test("a closed bus is 503, and the probe does not open its backend again", async () => {
  let opened = 0;
  const memory = memoryBackend();
  const { bus, health } = setUp({
    ...memory,
    async open(host) {
      opened++;
      await memory.open(host);
    },
  });
  await bus.close();
  expect(await health()).toMatchObject({ status: 503, body: { status: "down" } });
  expect(opened).toBe(0);
});

test.each([
  ["evil.example", 403],
  ["user@evil", 400],
  ["app.example:3000", 200],
  ["localhost:3000", 200],
  ["192.168.1.20", 200],
])("with `allowedHosts`, the host %s gets %i", async (name, status) => {
  const bus = createBus();
  buses.push(bus);
  const handle = webHandler(
    createHealthHandler(routeContext(bus), { allowedHosts: ["app.example"] }),
    host,
  );
  const response = await handle(new Request("http://x/api/health", { headers: { Host: name } }));
  expect(response.status).toBe(status);
});
