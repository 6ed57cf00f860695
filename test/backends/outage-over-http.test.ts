import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";

describe.each(["direct", "web"] as const)("while the backend is unreachable, %s sink", (kind) => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ persist: true });
  });
  afterAll(async () => redis?.[Symbol.asyncDispose]());

  test("publishes and new streams are 503, health reports it, and open streams stay and miss nothing", async () => {
    await using app = await startDemo({
      env: {
        SSE_BUS_URL: redis.url,
        SSE_BUS_OPEN_PUBLISH: "1",
        ...(kind === "web" && { SSE_BUS_SINK: "web" }),
      },
    });
    const status = async (): Promise<number> => (await fetch(`${app.url}/api/health`)).status;
    await using stream = await openStream(`${app.url}/api/sse?channel=a`);
    await stream.next("hello");
    await publish(app.url, { data: 1, channel: "a" });
    expect((await stream.next("message")).json()).toBe(1);

    await redis.stop();
    await waitFor("health to report it", async () => (await status()) === 503, {
      timeoutMs: 10_000,
    });
    const refused = await Promise.all([
      fetch(`${app.url}/api/publish?msg=lost&channel=a`),
      fetch(`${app.url}/api/publish`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"data":"lost","channel":"a"}',
      }),
      fetch(`${app.url}/api/sse?channel=new`),
    ]);
    for (const response of refused) {
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await response.json()).toMatchObject({ status: 503, code: "BACKEND_UNAVAILABLE" });
      expect(response.status).toBe(503);
    }
    const health = await (await fetch(`${app.url}/api/health`)).json();
    expect(health).toMatchObject({ connections: 1 });

    await redis.start();
    await waitFor("health to report it", async () => (await status()) === 200, {
      timeoutMs: 10_000,
    });
    await publish(app.url, { data: 2, channel: "a" });
    expect((await stream.next((event) => event.event !== "ping")).json()).toBe(2);
    await using late = await openStream(`${app.url}/api/sse?channel=new`);
    await late.next("hello");
  }, 60_000);
});
