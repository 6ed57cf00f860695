import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rawClient } from "../support/raw-client.ts";
import { health } from "../support/http-api.ts";
import { openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { repository } from "../support/repository.ts";
import { waitFor } from "../support/wait-for.ts";

const TOKEN = "a-publish-token-of-which-nobody-knows";

/** Publishing is open: only the tested checks protect the readers. */
let app: NextServer;
beforeAll(async () => {
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
});

async function published(server = app): Promise<number> {
  const text = await (await fetch(`${server.url}/api/metrics`)).text();
  return Number(/^sse_bus_messages_published_total (\d+)$/m.exec(text)?.[1]);
}

/** Sends a request as a browser would, including headers that scripts may not set. */
async function send(
  request: string,
  headers: Record<string, string>,
  body = "",
): Promise<{ status: number; text: string }> {
  await using raw = await rawClient(app.port);
  const all = { Host: `127.0.0.1:${app.port}`, Connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  raw.send([`${request} HTTP/1.1`, ...lines, ...length, "", body].join("\r\n"));
  await raw.ended;
  return { status: Number(raw.text().slice(9, 12)), text: raw.text() };
}

describe("a page of another site cannot publish with the user's browser", () => {
  const elsewhere = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };

  test.each([
    ["application/x-www-form-urlencoded", "data=1&channel=default"],
    ["text/plain", '{"data":1,"x":"="}'],
    ["multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--"],
    ["application/json", '{"data":1}'],
  ])("by a form or script that posts %s", async (type, body) => {
    const before = await published();
    const cookie = { Cookie: "session=of-the-user" };
    const headers = { ...elsewhere, ...cookie, "Content-Type": type };
    expect((await send("POST /api/publish", headers, body)).status).toBe(403);
    expect(await published()).toBe(before);
  });

  test("by a form of its own site without a JSON type", async () => {
    const own = { Origin: `http://127.0.0.1:${app.port}`, "Content-Type": "text/plain" };
    expect((await send("POST /api/publish", own, '{"data":1}')).status).toBe(415);
  });

  test.each([
    ["an image", { "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" }],
    ["a script", { "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script" }],
    ["a frame", { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe" }],
    ["a link that is followed", { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" }],
    ["fetch", { "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty" }],
  ])("by %s that gets the trigger", async (_, own) => {
    const before = await published();
    const headers = { "Sec-Fetch-Site": "cross-site", ...own } as Record<string, string>;
    expect((await send("GET /api/publish?msg=evil", headers)).status).toBe(403);
    const sibling = { ...headers, "Sec-Fetch-Site": "same-site" };
    expect((await send("GET /api/publish?msg=evil", sibling)).status).toBe(403);
    expect(await published()).toBe(before);
  });

  test("nor be allowed by a preflight", async () => {
    const { status, text } = await send("OPTIONS /api/publish", {
      ...elsewhere,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "content-type",
    });
    expect(status).toBe(204);
    expect(text.toLowerCase()).not.toContain("access-control-allow");
  });

  test("nor hold streams open in it", async () => {
    for (const dest of ["image", "script", "video", "iframe"]) {
      const headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": dest === "iframe" ? "navigate" : "no-cors",
        "Sec-Fetch-Dest": dest,
        Accept: "*/*",
      };
      expect((await send("GET /api/sse", headers)).status).toBe(403);
    }
    await waitFor("no stream", async () => (await health(app.url)).connections === 0);
  });
});

describe("a speculative request publishes nothing", () => {
  test.each([
    { "Sec-Purpose": "prefetch" },
    { "Sec-Purpose": "prefetch;prerender" },
    { Purpose: "prefetch" },
    { "X-Moz": "prefetch" },
  ] as Record<string, string>[])("of a browser: %o", async (headers) => {
    const before = await published();
    expect((await send("GET /api/publish?msg=guess", headers)).status).toBe(403);
    expect(await published()).toBe(before);
  });

  test("of the router of Next.js, which prefetches visible links", async () => {
    const before = await published();
    const router = { RSC: "1", "Next-Router-Prefetch": "1", "Next-Url": "/" };
    for (const headers of [router, { RSC: "1" }]) {
      // Next.js first redirects its router to an address with a hash of these headers.
      const first = await fetch(`${app.url}/api/publish?msg=guess`, {
        headers,
        redirect: "manual",
      });
      const location = first.headers.get("location") ?? "/api/publish?msg=guess";
      const second = await fetch(new URL(location, app.url), { headers, redirect: "manual" });
      expect(second.status).toBe(403);
    }
    expect(await published()).toBe(before);
  });

  test("of HEAD and OPTIONS", async () => {
    const before = await published();
    expect((await send("HEAD /api/publish?msg=x", {})).status).toBe(405);
    expect((await send("OPTIONS /api/publish?msg=x", {})).status).toBe(204);
    expect(await published()).toBe(before);
  });
});

test("HEAD leaks no stream, no body and no subscription", async () => {
  await waitFor("no stream", async () => (await health(app.url)).connections === 0);
  for (let n = 0; n < 100; n++) {
    const { status, text } = await send("HEAD /api/sse?channel=a&channel=b/**", {});
    expect(status).toBe(200);
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe("");
  }
  expect(await health(app.url)).toMatchObject({ connections: 0, channels: 0 });
});

describe("forged addresses", () => {
  const forged = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Real-IP": "6.6.6.6",
    Forwarded: "for=6.6.6.6",
    "CF-Connecting-IP": "6.6.6.6",
    "True-Client-IP": "6.6.6.6",
  };

  test("are ignored", async () => {
    const response = await fetch(`${app.url}/api/publish?msg=x`, { headers: forged });
    const { data } = (await response.json()) as { data: { ip: string } };
    expect(data.ip).toBe("127.0.0.1");
  });

  test("are ignored to the left of the trusted proxy's entry", async () => {
    const env = { SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_TRUST_PROXY: "1" };
    await using behindProxy = await startDemo({ env });
    const headers = { "X-Forwarded-For": "6.6.6.6, 198.51.100.9" };
    const response = await fetch(`${behindProxy.url}/api/publish?msg=x`, { headers });
    const { data } = (await response.json()) as { data: { ip: string } };
    expect(data.ip).toBe("198.51.100.9");
  });
});

describe("cache poisoning", () => {
  const poison = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "ftp",
    "X-Original-URL": "/api/health",
    "X-Rewrite-URL": "/api/health",
    "X-HTTP-Method-Override": "POST",
    "X-Forwarded-Prefix": "/evil",
  };

  test("no response may be stored, and none reflects such a header", async () => {
    for (const path of ["/api/publish", "/api/sse?from=bad", "/api/health", "/api/metrics"]) {
      const { text } = await send(`GET ${path}`, poison);
      expect(text, path).toMatch(/^cache-control: no-store\r$/im);
      expect(text, path).not.toContain("evil.example");
    }
    const { text } = await send("GET /api/publish", poison);
    expect(text, "still a GET of this path").toContain("MISSING_MESSAGE");
  });

  test("a stream is never stored, by its headers or those of HEAD", async () => {
    await using stream = await openStream(`${app.url}/api/sse`, { headers: poison });
    expect(stream.headers["cache-control"]).toBe("no-cache, no-transform");
    const { text } = await send("HEAD /api/sse", poison);
    expect(text).toMatch(/^cache-control: no-cache, no-transform\r$/im);
  });
});

describe("the publish token", () => {
  test("cannot be guessed: an address is blocked after sixty wrong ones", async () => {
    const env = { SSE_BUS_PUBLISH_TOKEN: TOKEN, SSE_BUS_TRUST_PROXY: "1" };
    await using server = await startDemo({ env });
    const guess = async (token: string, ip: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${token}`, "X-Forwarded-For": ip };
      return (await fetch(`${server.url}/api/publish?msg=x`, { headers })).status;
    };
    const answers: number[] = [];
    for (let n = 0; n < 70; n++) answers.push(await guess(`guess-${n}`, "203.0.113.7"));
    expect(answers.filter((status) => status === 401)).toHaveLength(60);
    expect(answers.at(-1)).toBe(429);
    expect(await guess(TOKEN, "203.0.113.7"), "the right token from the blocked address").toBe(429);
    expect(await guess(TOKEN, "198.51.100.9"), "somebody else").toBe(200);
    expect(await published(server)).toBe(1);
  });

  test("is compared completely, in a time that depends on what was sent only", async () => {
    // Over a network, timing is hidden by noise, so this checks the comparison itself.
    const file = join(repository, "packages/sse-bus/src/http/publish-access.ts");
    const source = await readFile(file, "utf8");
    expect(source).toMatch(/isEqualText\(sent, token\)/);
    expect(source).toMatch(/index < given\.length/);
    expect(source).toMatch(/difference \|= .*index % wanted\.length/);
    expect(source).not.toMatch(/given\s*[!=]==?\s*wanted|wanted\s*[!=]==?\s*given/);
  });
});
