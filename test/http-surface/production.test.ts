import { describe, expect, test } from "vitest";
import { rawClient } from "../support/raw-client.ts";
import { openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";

type Headers = Record<string, string>;

function post(app: NextServer, headers: Headers = {}): Promise<Response> {
  return fetch(`${app.url}/api/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: '{"data":1}',
  });
}

const trigger = (app: NextServer, headers: Headers = {}): Promise<Response> =>
  fetch(`${app.url}/api/publish?msg=HelloWorld`, { headers });

async function problem(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const { status, code, detail } = (await response.json()) as Record<string, unknown>;
  expect(response.status).toBe(status);
  return { status, code, detail: String(detail) };
}

async function published(app: NextServer): Promise<number> {
  const text = await (await fetch(`${app.url}/api/metrics`)).text();
  return Number(/^sse_bus_messages_published_total (\d+)$/m.exec(text)?.[1]);
}

describe("who may publish to a production server", () => {
  test("without settings nobody, and the refusal names the settings", async () => {
    await using app = await startDemo();
    for (const response of [await post(app), await trigger(app)]) {
      const { status, code, detail } = await problem(response);
      expect({ status, code }).toEqual({ status: 403, code: "PUBLISHING_CLOSED" });
      expect(detail).toContain("SSE_BUS_PUBLISH_TOKEN");
      expect(detail).toContain("SSE_BUS_OPEN_PUBLISH=1");
    }
    expect((await post(app, { Authorization: "Bearer anything" })).status).toBe(403);
    expect(await published(app)).toBe(0);
  });

  test("with SSE_BUS_PUBLISH_TOKEN everybody who sends it", async () => {
    const token = "t0ken-of-the-test";
    await using app = await startDemo({ env: { SSE_BUS_PUBLISH_TOKEN: token } });
    const missing = await post(app);
    expect(missing.headers.get("www-authenticate")).toBe("Bearer");
    expect(await problem(missing)).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
    for (const wrong of [`Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token]) {
      expect((await trigger(app, { Authorization: wrong })).status, wrong).toBe(401);
    }
    expect(await published(app)).toBe(0);
    expect((await post(app, { Authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await trigger(app, { Authorization: `bearer ${token}` })).status).toBe(200);
    expect(await published(app)).toBe(2);
  });

  test("with SSE_BUS_OPEN_PUBLISH=1 everybody, and with another value nobody", async () => {
    await using open = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
    expect((await post(open)).status).toBe(200);
    expect((await trigger(open)).status).toBe(200);
    await using shut = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "true" } });
    expect((await post(shut)).status).toBe(403);
  });
});

test.each([
  ["direct", {}],
  ["web", { SSE_BUS_SINK: "web" }],
])(
  "while it drains, %s sink, requests in flight are 503: streams with Retry-After, and health; EventSource gets `bye`",
  async (_, env) => {
    await using app = await startDemo({ env });
    await using stream = await openStream(`${app.url}/api/sse`);
    await stream.next("hello");
    // A server that shuts down accepts no new connections, and closes those without a request: these
    // have completed one request, whose response proves that half of the next one has arrived too.
    await using late = await rawClient(app.port);
    await using native = await rawClient(app.port);
    await using probe = await rawClient(app.port);
    const whole = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    late.send(`${whole}GET /api/sse HTTP/1.1\r\nHost: localhost\r\n`);
    native.send(
      `${whole}GET /api/sse HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: 5-mb1x2k3f-k3x9q7aa\r\n`,
    );
    probe.send(`${whole}GET /api/health HTTP/1.1\r\nHost: localhost\r\n`);
    for (const { until } of [late, native, probe]) await until('"status":"ok"');
    app.process.signal("SIGTERM");
    expect((await stream.next("bye")).json()).toMatchObject({ reason: "drain" });
    late.send("\r\n");
    native.send("\r\n");
    probe.send("\r\n");
    const refusal = await late.until('"detail"');
    expect(refusal).toMatch(/^HTTP\/1\.1 503 /m);
    expect(refusal).toMatch(/^retry-after: \d+\r$/im);
    expect(refusal).toContain('"code":"DRAINING"');
    const bye = await native.until('"reason"');
    expect(bye).toMatch(/^HTTP\/1\.1 200 [^]*^content-type: text\/event-stream/im);
    expect(bye).toMatch(
      /^retry: \d{5}\nid: 5-mb1x2k3f-k3x9q7aa\nevent: bye\ndata: \{"reason":"drain"/m,
    );
    expect(await probe.until('"status":"draining"')).toMatch(/^HTTP\/1\.1 503 /m);
    await app.process.exited;
  },
);
