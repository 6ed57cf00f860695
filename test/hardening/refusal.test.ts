import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RawClient, rawClient } from "../support/raw-client.ts";
import { health, publish } from "../support/http-api.ts";
import { openStream } from "../support/event-stream.ts";
import type { NextServer } from "../support/next-server.ts";
import { TOKEN_SECRET } from "../support/test-app-files.ts";
import { builtTestApp, type TestApp } from "../support/test-app.ts";
import { waitFor } from "../support/wait-for.ts";

/** How long refused readers wait next to their busy channel; `REFUSED_SECONDS=60` for a minute. */
const REFUSED_MS = Number(process.env.REFUSED_SECONDS ?? 8) * 1000;

let testApp: TestApp;
beforeAll(async () => {
  testApp = await builtTestApp();
}, 500_000);

describe.each(["direct", "web"] as const)("on the %s sink", (kind) => {
  let app: NextServer;
  beforeAll(async () => {
    app = await testApp.start({
      env: {
        SSE_BUS_OPEN_PUBLISH: "1",
        SSE_BUS_TRUST_PROXY: "1",
        ...(kind === "web" && { SSE_BUS_SINK: "web" }),
      },
    });
  });
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
  });

  const untilNobodyIsLeft = (): Promise<unknown> =>
    waitFor("no stream to be left", async () => (await health(app.url)).connections === 0);

  async function problem(response: Response) {
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const { status, code } = (await response.json()) as { status: number; code: string };
    expect(response.status).toBe(status);
    return { status, code };
  }

  test("a refused reader receives zero bytes of its busy channel", async () => {
    const answers = {
      no: 403,
      unauthorized: 401,
      forbidden: 403,
      throw: 403,
      reject: 403,
      wider: 403,
      other: 403,
      response: 403,
      hang: 503,
    };
    const clients = new Map<string, RawClient>();
    for (const answer of Object.keys(answers)) {
      const client = await rawClient(app.port);
      clients.set(answer, client);
      const query = `answer=${answer}&channel=secrets/*&channel=secrets/7`;
      client.send(`GET /api/private?${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    }
    await using allowed = await openStream(`${app.url}/api/private?answer=yes&channel=secrets/7`);
    await allowed.next("hello");
    const until = performance.now() + REFUSED_MS;
    let sent = 0;
    while (performance.now() < until) {
      await publish(app.url, { data: `SECRET ${sent++}`, channel: "secrets/7" });
    }
    await allowed.next((event) => event.data === `"SECRET ${sent - 1}"`);
    expect(sent, "the channel was busy").toBeGreaterThan(20);
    for (const [answer, status] of Object.entries(answers)) {
      const client = clients.get(answer) as RawClient;
      const text = client.text();
      expect(text, answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(text, answer).not.toContain("SECRET");
      expect(text, "a complete refusal with a code, and no byte more").toMatch(
        /"detail":"[^"]*"\}(\r\n0\r\n\r\n)?$/,
      );
      await client[Symbol.asyncDispose]();
    }
    const metrics = await (await fetch(`${app.url}/api/metrics`)).text();
    expect(metrics).toMatch(/^sse_bus_connections 1$/m);
  }, 120_000);

  test("a reader with fewer channels than requested receives exactly those", async () => {
    const url = `${app.url}/api/private?answer=reduced&channel=news&channel=secrets/7`;
    await using stream = await openStream(url);
    expect((await stream.next("hello")).json()).toMatchObject({ channels: ["news"] });
    await publish(app.url, { data: "SECRET", channel: "secrets/7" });
    await publish(app.url, { data: "public", channel: "news" });
    expect((await stream.next()).json()).toBe("public");
  });

  test("no byte follows the end of the permission, however busy the channel", async () => {
    // Long enough for a busy machine to open the stream.
    const at = Date.now() + 3000;
    const url = `${app.url}/api/private?answer=expires&at=${at}&channel=secrets/7`;
    await using stream = await openStream(url);
    let isOver = false;
    void stream.closed.then(() => (isOver = true));
    let number = 0;
    while (!isOver && Date.now() < at + 5000) {
      await publish(app.url, { data: { number: number++ }, channel: "secrets/7" });
    }
    expect((await stream.next("bye")).json()).toMatchObject({ reason: "unauthorized" });
    const messages = stream.events.filter(({ event }) => event === "message");
    expect(messages.length).toBeGreaterThan(0);
    // Sent in time, but a busy machine may take longer to deliver it.
    for (const { id } of messages) expect(timeOf(id as string)).toBeLessThanOrEqual(at);
  });

  test("a token decides per channel, and 401 differs from 403", async () => {
    const ask = async (channel: string, token?: string) => {
      const headers: Record<string, string> =
        token === undefined ? {} : { Authorization: `Bearer ${token}` };
      return fetch(`${app.url}/api/token?channel=${channel}`, { headers });
    };
    const token = sign(["orders/*"], 3600);
    expect(await problem(await ask("orders/7"))).toEqual({ status: 401, code: "UNAUTHORIZED" });
    expect((await ask("orders/7", `${token}x`)).status).toBe(401);
    expect((await ask("orders/7", sign(["orders/*"], -1))).status).toBe(401);
    const wide = await problem(await ask("orders/**", token));
    expect(wide).toEqual({ status: 403, code: "FORBIDDEN" });
    await using stream = await openStream(`${app.url}/api/token?channel=orders/*`, {
      headers: { Cookie: `sse_bus_token=${token}` },
    });
    await stream.next("hello");
    await publish(app.url, { data: 1, channel: "orders/7" });
    expect((await stream.next()).json()).toBe(1);
  });

  test("exceeded limits of streams are 400, 429 and 503, the last two with Retry-After", async () => {
    await untilNobodyIsLeft();
    const url = `${app.url}/api/narrow`;
    expect(await problem(await fetch(`${url}?channel=a&channel=b&channel=c`))).toEqual({
      status: 400,
      code: "TOO_MANY_CHANNELS",
    });
    expect((await fetch(`${url}?channel=a/*&channel=b/*`)).status).toBe(400);
    const from = (ip: string) => ({ headers: { "X-Forwarded-For": ip } });
    await using first = await openStream(url, from("203.0.113.7"));
    await using second = await openStream(url, from("203.0.113.7"));
    const own = await fetch(url, from("203.0.113.7"));
    expect(Number(own.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await problem(own)).toEqual({ status: 429, code: "TOO_MANY_CONNECTIONS" });
    await using third = await openStream(url, from("198.51.100.9"));
    const total = await fetch(url, from("192.0.2.1"));
    expect(Number(total.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await problem(total)).toEqual({ status: 503, code: "TOO_MANY_CONNECTIONS" });
    expect([first, second, third].map(({ status }) => status)).toEqual([200, 200, 200]);
    await first[Symbol.asyncDispose]();
    await waitFor("a place", async () => (await health(app.url)).connections === 2);
    await using again = await openStream(url, from("203.0.113.7"));
    expect(again.status).toBe(200);
  });

  test("publishing is 401, 403 and 429 by route, each with what the client needs to continue", async () => {
    const post = (channel: string, headers: Record<string, string> = {}) =>
      fetch(`${app.url}/api/narrow-publish`, {
        method: "POST",
        body: JSON.stringify({ data: 1, channel }),
        headers: { "Content-Type": "application/json", ...headers },
      });
    const known = { Authorization: "Bearer anything" };
    const missing = await post("open");
    expect(missing.headers.get("www-authenticate")).toBe("Bearer");
    expect(await problem(missing)).toEqual({ status: 401, code: "UNAUTHORIZED" });
    expect(await problem(await post("shut", known))).toEqual({ status: 403, code: "FORBIDDEN" });
    const ip = { ...known, "X-Forwarded-For": "203.0.113.7" };
    for (let n = 0; n < 3; n++) expect((await post("open", ip)).status).toBe(200);
    const limited = await post("open", ip);
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await problem(limited)).toEqual({ status: 429, code: "TOO_MANY_REQUESTS" });
  });
});

/** A JSON Web Token (RFC 7519), as from any issuer. */
function sign(subscribe: string[], expiresInSeconds: number): string {
  const exp = Math.floor(Date.now() / 1000) + expiresInSeconds;
  const [header, payload] = [{ alg: "HS256" }, { sse_bus: { subscribe }, exp }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const signature = createHmac("sha256", TOKEN_SECRET)
    .update(`${header}.${payload}`)
    .digest("base64url");
  return `${header}.${payload}.${signature}`;
}

/** The time at which the log stored a message, from its id. */
function timeOf(id: string): number {
  return Number.parseInt(id.split("-")[1] as string, 36);
}
