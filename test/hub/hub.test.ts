import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { describe, expect, test } from "vitest";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { hubHealth, publishTo, runCli, startHub } from "./hub-process.ts";
import { selfSigned } from "./self-signed.ts";

describe("the command", () => {
  test("lists all of its flags", async () => {
    const help = await runCli("hub", "--help");
    for (const flag of [
      "--port",
      "--host",
      "--backend",
      "--publish-token",
      "--cors-origin",
      "--heartbeat-ms",
      "--max-connections",
      "--workers",
      "--tls-cert",
    ]) {
      expect(help).toContain(flag);
    }
    expect(await runCli("help", "hub")).toBe(help);
    expect(await runCli("--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [["hub", "--port", "x"], /SSE_BUS_PORT\) must be a whole number from 0 to 65535[^]*code 2/],
    [["hub", "--unknown"], /--unknown[^]*code 2/],
    [["serve"], /no command "serve"[^]*code 2/],
    [[], /sse-bus hub[^]*code 2/],
    [
      ["hub", "--port", "1", "--host", "203.0.113.1", "--public"],
      /"level":"error","event":"failed"[^]*code 1/,
    ],
  ])("%j fails and says why", async (args, message) => {
    await expect(runCli(...args)).rejects.toThrow(message);
  });

  test.each([1, 2])("the error for a port in use names it (%i process(es))", async (workers) => {
    await using hub = await startHub();
    await expect(
      runCli("hub", "--port", String(hub.port), "--workers", String(workers)),
    ).rejects.toThrow(new RegExp(`--port ${hub.port} cannot be listened on \\(EADDRINUSE\\)`));
  });

  test("reads its settings from the environment", async () => {
    await using hub = await startHub({ env: { SSE_BUS_HEARTBEAT_MS: "200" } });
    await using stream = await openStream(`${hub.url}/sse`);
    expect((await stream.next("hello")).json()).toMatchObject({ heartbeatMs: 200 });
    await stream.next("ping");
  });

  test("logs lines of JSON besides its ready line", async () => {
    await using hub = await startHub();
    await hub.stop();
    const lines = hub.process.output().trim().split("\n");
    const ready = lines.filter((line) => line.startsWith("sse-bus hub listening on http://"));
    expect(ready).toHaveLength(1);
    const events = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(["listening", "draining", "stopped"]);
    expect(events[0]).toMatchObject({ level: "info", url: hub.url, backend: "memory" });
  });
});

describe("publishing", () => {
  const post = async (url: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/publish`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: '{"data":1}',
    });
    return response.status;
  };

  test("is closed to everybody without a token", async () => {
    await using hub = await startHub({ isPublishOpen: false });
    expect(await post(hub.url)).toBe(403);
  });

  test("is open to everybody who sends the token", async () => {
    const args = ["--publish-token", "s3cret"];
    await using hub = await startHub({ isPublishOpen: false, args });
    expect(await post(hub.url)).toBe(401);
    expect(await post(hub.url, { Authorization: "Bearer wrong" })).toBe(401);
    expect(await post(hub.url, { Authorization: "Bearer s3cret" })).toBe(200);
  });

  test("from a page of another origin requires that origin in the settings", async () => {
    await using hub = await startHub({ args: ["--cors-origin", "https://app.example"] });
    expect(await post(hub.url, { Origin: "https://evil.example" })).toBe(403);
    expect(await post(hub.url, { Origin: "https://app.example" })).toBe(200);
    const stream = await fetch(`${hub.url}/sse`, { headers: { Origin: "https://app.example" } });
    expect(stream.headers.get("access-control-allow-origin")).toBe("https://app.example");
    await stream.body?.cancel();
  });
});

/** A client that delays the exit does so for 5 s, after which the hub exits in any case. */
const patienceMs = 4500;

describe.each([1, 3])("with %i process(es)", (workers) => {
  const args = ["--workers", String(workers)];

  test("SIGTERM tells every client when to reconnect, and the hub exits with 0", async () => {
    await using hub = await startHub({ args });
    const streams = await openMany(`${hub.url}/sse`, 60);
    expect((await hubHealth(hub)).connections).toBe(60);
    const started = performance.now();
    hub.process.signal("SIGTERM");
    const waits = new Set<number>();
    for (const stream of streams) {
      const bye = (await stream.next("bye")).json() as { reason: string; retryMs: number };
      expect(bye.reason).toBe("drain");
      waits.add(bye.retryMs);
      expect(await stream.closed).toBe("end");
    }
    expect(waits.size).toBeGreaterThan(20);
    expect(await hub.process.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(patienceMs);
  });

  test("a client that reads nothing does not delay the exit", async () => {
    await using hub = await startHub({ args });
    await using stream = await openStream(`${hub.url}/sse?channel=slow`);
    await stream.next("hello");
    stream.pause();
    for (let sent = 0; sent < 120; sent++) await publishTo(hub, "x".repeat(100_000), "slow");
    const started = performance.now();
    hub.process.signal("SIGTERM");
    expect((await hub.process.exited).code).toBe(0);
    expect(performance.now() - started).toBeLessThan(patienceMs);
  });

  test("health, metrics and messages cover all processes", async () => {
    await using hub = await startHub({ args });
    const streams = await openMany(`${hub.url}/sse?channel=all`, 30);
    const health = await hubHealth(hub);
    expect(health).toMatchObject({ status: "ok", backend: "memory", connections: 30 });
    if (workers > 1) expect(health.workers).toBe(workers);
    for (let n = 0; n < 20; n++) await publishTo(hub, n, "all");
    for (const stream of streams) {
      for (let n = 0; n < 20; n++) expect((await stream.next("message")).json()).toBe(n);
    }
    const metrics = await (await fetch(`${hub.url}/metrics`)).text();
    expect(metrics).toMatch(/^sse_bus_connections 30$/m);
    expect(metrics).toMatch(/^sse_bus_messages_published_total 20$/m);
    expect(metrics).toMatch(/^sse_bus_messages_delivered_total 600$/m);
    expect(metrics).toMatch(/^sse_bus_backend_up\{backend="memory"\} 1$/m);
    for (const stream of streams) await stream[Symbol.asyncDispose]();
    await waitFor("no stream to be counted", async () => (await hubHealth(hub)).connections === 0);
  });

  test("a client resumes on any process", async () => {
    await using hub = await startHub({ args });
    const ids: string[] = [];
    for (let n = 0; n < 10; n++) ids.push((await publishTo(hub, n, "resume")).id);
    for (let attempt = 0; attempt < 6; attempt++) {
      const lastEventId = ids[4] as string;
      await using stream = await openStream(`${hub.url}/sse?channel=resume`, { lastEventId });
      expect((await stream.next("hello")).json()).toMatchObject({ resumed: true });
      for (let n = 5; n < 10; n++) expect((await stream.next()).json()).toBe(n);
    }
  });
});

test("a worker that dies is replaced, and its clients resume without loss", async () => {
  await using hub = await startHub({ args: ["--workers", "2"] });
  const [first] = await openMany(`${hub.url}/sse?channel=w`, 2);
  const { id } = await publishTo(hub, 1, "w");
  await (first as EventStream).next("message");
  // A worker is replaced immediately only if it has been up for a while.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const victim = /"event":"worker-listening".*?"pid":(\d+)/.exec(hub.process.output())?.[1];
  process.kill(Number(victim), "SIGKILL");
  // Until the primary process detects it, it may pass a connection to the dead worker, which never responds.
  await waitFor("the death to be detected", () => hub.process.output().includes('"worker-ended"'));
  await publishTo(hub, 2, "w").catch(() => publishTo(hub, 2, "w"));
  await waitFor("two workers", async () => (await hubHealth(hub)).workers === 2);
  await using back = await openStream(`${hub.url}/sse?channel=w`, { lastEventId: id });
  expect((await back.next("hello")).json()).toMatchObject({ resumed: true });
  expect((await back.next()).json()).toBe(2);
});

describe("TLS", () => {
  test("speaks HTTP/2: a hundred streams on one connection get `bye` and end on SIGTERM", async () => {
    await using folder = await tempFolder("tls");
    const files = selfSigned(folder.path);
    await using hub = await startHub({ scheme: "https", args: files });
    const session = connect(hub.url, { rejectUnauthorized: false });
    await once(session, "connect");
    const streams = Array.from({ length: 100 }, () => openOverHttp2(session, "/sse?channel=h2"));
    await Promise.all(streams.map(({ until }) => until("event: hello")));
    const post = session.request({
      ":method": "POST",
      ":path": "/publish",
      "content-type": "application/json",
    });
    post.end(JSON.stringify({ data: "over h2", channel: "h2" }));
    await once(post, "response");
    await Promise.all(streams.map(({ until }) => until('data: "over h2"')));
    hub.process.signal("SIGTERM");
    await Promise.all(streams.map(({ until }) => until('"reason":"drain"')));
    await Promise.all(streams.map(({ ended }) => ended));
    expect(await hub.process.exited).toEqual({ code: 0, signal: null });
    session.destroy();
  });

  test("one stalled stream on a connection delays no other", async () => {
    await using folder = await tempFolder("tls");
    await using hub = await startHub({ scheme: "https", args: selfSigned(folder.path) });
    const session = connect(hub.url, { rejectUnauthorized: false });
    await once(session, "connect");
    const stalled = openOverHttp2(session, "/sse?channel=big");
    const live = openOverHttp2(session, "/sse?channel=big");
    await Promise.all([stalled.until("event: hello"), live.until("event: hello")]);
    stalled.stream.pause();
    const publish = async (data: string): Promise<void> => {
      const post = session.request({
        ":method": "POST",
        ":path": "/publish",
        "content-type": "application/json",
      });
      post.end(JSON.stringify({ data, channel: "big" }));
      post.resume();
      await once(post, "end");
    };
    for (let n = 0; n < 30; n++) await publish(`${n}-${"x".repeat(50_000)}`);
    await live.until(`"29-xxx`);
    stalled.stream.resume();
    await stalled.until(`"29-xxx`);
    session.destroy();
  });

  test("HTTP/1.1 clients are also served", async () => {
    await using folder = await tempFolder("tls");
    await using hub = await startHub({ scheme: "https", args: selfSigned(folder.path) });
    const answer = execFileSync("curl", ["-sk", "--http1.1", "-i", `${hub.url}/health`]).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 200[^]*"status":"ok"/);
  });
});

async function openMany(url: string, count: number): Promise<EventStream[]> {
  const streams = await Promise.all(Array.from({ length: count }, () => openStream(url)));
  await Promise.all(streams.map((stream) => stream.next("hello")));
  return streams;
}

interface Http2Stream {
  readonly stream: ClientHttp2Stream;
  readonly ended: Promise<unknown>;
  until(text: string): Promise<void>;
}

function openOverHttp2(session: ClientHttp2Session, path: string): Http2Stream {
  const stream = session.request({ ":path": path });
  let received = "";
  stream.setEncoding("utf8").on("data", (part: string) => (received += part));
  return {
    stream,
    ended: once(stream, "close"),
    until: async (text) => {
      await waitFor(text, () => received.includes(text));
    },
  };
}
