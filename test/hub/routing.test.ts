import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startHaproxyConfig } from "../support/haproxy.ts";
import { startNginxHttp } from "../support/nginx.ts";
import type { Restartable } from "../support/restartable.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { hubHealth, startHub } from "./hub-process.ts";
import { selfSigned } from "./self-signed.ts";

/** Spellings of `/sse` and `/publish` that some URL parser resolves to them. */
const SPELLINGS = (["sse?channel=**", "publish?msg=x"] as const).flatMap((wanted) => [
  `/health/..\\${wanted}`,
  `/health/../${wanted}`,
  `/health/..//${wanted}`,
  `/health/%2e%2e/${wanted}`,
  `/health/.%2E/${wanted}`,
  `/health/..%2f${wanted}`,
  `/health/..%5c${wanted}`,
  `/health/./../${wanted}`,
  `/health\\..\\${wanted}`,
  `/health/x/../../${wanted}`,
  `/health/..;/${wanted}`,
  `/health/.\t./${wanted}`,
  `/health/\t../${wanted}`,
  `/health#/../${wanted}`,
  `/health/..\u00ff/${wanted}`,
  `//${wanted}`,
  `/\\${wanted}`,
  `///${wanted}`,
  `/./${wanted}`,
  `/${wanted.replace("?", ";x?")}`,
  `/${wanted.replace("?", "/?")}`,
  `/${wanted.replace("?", "%20?")}`,
  `/${wanted.replace("?", "#?")}`,
  `/${wanted.toUpperCase()}`,
  `/%73se?channel=**`,
  `/%70ublish?msg=x`,
  `//health/../${wanted}`,
  `http://h/health/../${wanted}`,
  `http://h/health/..\\${wanted}`,
  `http:/${wanted}`,
  `http://h\\${wanted}`,
  `http://u:p@h/${wanted}`,
  `https://h/${wanted}`,
  `HTTP://h/${wanted}`,
  `*/../${wanted}`,
  wanted,
]);

const HOSTS = [
  "h/sse?channel=**&x=",
  "h/publish?msg=x&y=",
  "h/sse#",
  "h\\sse",
  "h?/sse",
  "u:p@h",
  "h:80/sse",
  "[::1]/sse",
];

interface Answer {
  readonly status: number;
  readonly text: string;
}

let hub: Restartable;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(async () => hub[Symbol.asyncDispose]());

/** Sends a head unchanged; reads to the end, or to the first bytes of an event stream. */
async function send(port: number, target: string, host = "h", method = "GET"): Promise<Answer> {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (part: string) => {
    text += part;
    if (text.includes("text/event-stream") || text.includes('"id":')) socket.destroy();
  });
  const head = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, "Connection: close", "", ""];
  socket.write(Buffer.from(head.join("\r\n"), "latin1"));
  await once(socket, "close");
  return { status: Number(/^HTTP\/1\.\d (\d+)/.exec(text)?.[1] ?? 0), text };
}

async function sendHttp2(
  origin: string,
  path: string,
  authority = "h",
  host?: string,
): Promise<Answer> {
  const session = connectHttp2(origin, { rejectUnauthorized: false });
  session.on("error", () => {});
  let text = "";
  let status = 0;
  try {
    const stream = session.request({
      ":path": path,
      ":authority": authority,
      ...(host !== undefined && { host }),
    });
    stream.on("error", () => {});
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      text += String(headers["content-type"]);
      if (text.includes("text/event-stream")) stream.close();
    });
    stream.setEncoding("utf8").on("data", (part: string) => (text += part));
    await new Promise((resolve) => stream.once("close", resolve));
  } finally {
    session.destroy();
  }
  return { status, text };
}

/** Expects neither a stream nor a published message; `/health` may respond. */
function expectNothing({ status, text }: Answer, what: string): void {
  expect(text, what).not.toContain("text/event-stream");
  expect(text, what).not.toMatch(/"id":|"query":/);
  if (status === 200) expect(text, what).toContain('"status":"ok"');
}

async function expectNothingPublished(): Promise<void> {
  const metrics = await (await fetch(`${hub.url}/metrics`)).text();
  expect(metrics).toMatch(/^sse_bus_messages_published_total 0$/m);
  expect(await hubHealth(hub)).toMatchObject({ connections: 0 });
}

test("the hub serves the four paths exactly as spelled, and any other spelling is 404 or 400", async () => {
  expect((await send(hub.port, "/health")).text).toContain('"status":"ok"');
  expect((await send(hub.port, "/health?verbose")).text).toContain('"status":"ok"');
  expect((await send(hub.port, "/sse?channel=a")).text).toContain("text/event-stream");
  for (const target of SPELLINGS) {
    expect([400, 404], target).toContain((await send(hub.port, target)).status);
  }
  for (const target of [
    "/health/",
    "/Health",
    "//health",
    "/health;x",
    "/health#",
    "/",
    "*",
    "//",
  ]) {
    expect([400, 404], target).toContain((await send(hub.port, target)).status);
  }
  await expectNothingPublished();
});

test("a Host that is not a host with an optional port is rejected", async () => {
  for (const host of HOSTS) {
    for (const target of ["/health", "/sse", "/publish?msg=x", "/metrics", "/nope"]) {
      for (const method of ["GET", "OPTIONS"]) {
        const { status } = await send(hub.port, target, host, method);
        expect(status, `${method} ${target} ${host}`).toBe(400);
      }
    }
  }
  await expectNothingPublished();
});

test("with --allowed-host no path accepts another name", async () => {
  await using own = await startHub({ args: ["--allowed-host", "hub.example"] });
  for (const target of ["/health", "/sse", "/publish?msg=x", "/metrics", "/nope"]) {
    for (const method of ["GET", "OPTIONS"]) {
      const { status } = await send(own.port, target, "evil.example", method);
      expect(status, `${method} ${target}`).toBe(403);
    }
  }
  expect((await send(own.port, "/health", "hub.example")).status).toBe(200);
  expect((await send(own.port, "/health", "127.0.0.1:1")).status).toBe(200);
});

const nginx =
  (rules: string, listen = ""): (() => Promise<Restartable>) =>
  async () =>
    startNginxHttp(
      (port) => `
        server {
          listen 127.0.0.1:${port}${listen};
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          ${rules.replaceAll("PASS", `proxy_pass http://127.0.0.1:${hub.port};`)}
        }`,
    );

const haproxy =
  (rules: string, bind = ""): (() => Promise<Restartable>) =>
  async () =>
    startHaproxyConfig(
      (port) => `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:${port}${bind}
  ${rules}
  default_backend back
backend back
  server hub 127.0.0.1:${hub.port}
`,
    );

const ONLY_HEALTH = "location /health { PASS } location / { return 403; }";
const NOT_STREAMS =
  "location /sse { return 403; } location /publish { return 403; } location / { PASS }";
const ONLY_HEALTH_ACL = "http-request deny unless { path_beg /health }";
const NOT_STREAMS_ACL = "http-request deny if { path_beg /sse /publish }";

describe.each([
  ["nginx that allows /health", nginx(ONLY_HEALTH)],
  ["nginx that denies /sse and /publish", nginx(NOT_STREAMS)],
  ["HAProxy that allows /health", haproxy(ONLY_HEALTH_ACL)],
  ["HAProxy that denies /sse and /publish", haproxy(NOT_STREAMS_ACL)],
])("through %s", (_, start) => {
  test("no spelling and no Host reaches a stream or publishes", async () => {
    await using proxy = await start();
    expect((await send(proxy.port, "/health")).text).toContain('"status":"ok"');
    expect((await send(proxy.port, "/sse")).status).toBe(403);
    for (const target of SPELLINGS) expectNothing(await send(proxy.port, target), target);
    for (const host of HOSTS) expectNothing(await send(proxy.port, "/health", host), host);
    await expectNothingPublished();
  });
});

describe.each([
  ["nginx that allows /health", nginx(ONLY_HEALTH, " http2")],
  ["HAProxy that allows /health", haproxy(ONLY_HEALTH_ACL, " proto h2")],
])("over HTTP/2 through %s", (_, start) => {
  test("no `:path` and no `:authority` reaches a stream or publishes", async () => {
    await using proxy = await start();
    expect((await sendHttp2(proxy.url, "/health")).text).toContain('"status":"ok"');
    for (const path of SPELLINGS) expectNothing(await sendHttp2(proxy.url, path), path);
    for (const host of HOSTS) {
      expectNothing(await sendHttp2(proxy.url, "/health", host), host);
      expectNothing(await sendHttp2(proxy.url, "/health", "h", host), host);
    }
    await expectNothingPublished();
  });
});

test("the hub's own HTTP/2 reads `:path` as it was sent, and refuses an `:authority` that is no host", async () => {
  await using folder = await tempFolder("tls");
  await using own = await startHub({ scheme: "https", args: selfSigned(folder.path) });
  expect((await sendHttp2(own.url, "/health")).text).toContain('"status":"ok"');
  expect((await sendHttp2(own.url, "/sse")).text).toContain("text/event-stream");
  for (const path of SPELLINGS) {
    const { status } = await sendHttp2(own.url, path);
    // 0: what is no HTTP/2 at all is reset.
    expect([0, 400, 404], path).toContain(status);
  }
  for (const host of HOSTS) {
    expect([0, 400], host).toContain((await sendHttp2(own.url, "/health", host)).status);
    // Beside an `:authority`, a `host` means nothing (RFC 9113 §8.3.1).
    expectNothing(await sendHttp2(own.url, "/health", "h", host), host);
  }
});
