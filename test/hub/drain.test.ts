import { once } from "node:events";
import { Agent, get as getHttp, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { Agent as TlsAgent, get as getHttps } from "node:https";
import { connect as connectTcp } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Restartable } from "../support/restartable.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { publishTo, startHub } from "./hub-process.ts";
import { selfSigned } from "./self-signed.ts";

interface Client {
  text(): string;
  readonly response: IncomingMessage;
  /** Whether it ended with the last chunk. */
  readonly ended: Promise<"complete" | "aborted">;
}

/** Opens a stream on a connection that has been used before, so that `node:http` answers it. */
async function openUsed(hub: Restartable): Promise<Client> {
  const isTls = hub.url.startsWith("https:");
  const agent = isTls
    ? new TlsAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    : new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const ask = async (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const get = isTls ? getHttps : getHttp;
      get(`${hub.url}${path}`, { agent }, resolve).on("error", reject);
    });
  const health = await ask("/health");
  health.resume();
  await once(health, "end");
  const response = await ask("/sse?channel=a");
  let text = "";
  response.setEncoding("utf8").on("data", (part: string) => (text += part));
  response.on("error", () => {});
  const ended = new Promise<"complete" | "aborted">((resolve) =>
    response.once("close", () => resolve(response.complete ? "complete" : "aborted")),
  );
  await expect.poll(() => text).toContain("event: hello");
  return { text: () => text, response, ended };
}

async function startOver(scheme: "http" | "https", args: string[] = []): Promise<Restartable> {
  if (scheme === "http") return startHub({ args });
  const folder = await tempFolder("tls");
  onTestFinished(async () => folder[Symbol.asyncDispose]());
  return startHub({ scheme, args: [...selfSigned(folder.path), ...args] });
}

test.each(["http", "https"] as const)(
  "a drain over HTTP/1.1 and %s ends every stream with bye and the last chunk",
  async (scheme) => {
    await using hub = await startOver(scheme);
    const clients = await Promise.all(Array.from({ length: 50 }, async () => openUsed(hub)));
    hub.process.signal("SIGTERM");
    const ends = await Promise.all(clients.map(async ({ ended }) => ended));
    expect(ends.filter((end) => end === "complete")).toHaveLength(50);
    for (const { text } of clients) expect(text()).toContain('"reason":"drain"');
    expect(await hub.process.exited).toEqual({ code: 0, signal: null });
  },
);

test("a drain cuts a handshake that does not finish, and a stalled reader of HTTP/2, after a second", async () => {
  await using hub = await startOver("https", ["--max-in-flight-bytes", "8000000"]);
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  onTestFinished(() => void delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
  const silent = connectTcp(hub.port, "127.0.0.1");
  silent.on("error", () => {});
  const session = connectHttp2(hub.url);
  onTestFinished(() => {
    silent.destroy();
    session.destroy();
  });
  session.on("error", () => {});
  const stream = session.request({ ":path": "/sse?channel=a" });
  stream.on("error", () => {});
  await once(stream, "response");
  stream.pause();
  for (let n = 0; n < 40; n++) await publishTo(hub, "x".repeat(200_000), "a");
  const before = performance.now();
  hub.process.signal("SIGTERM");
  expect((await hub.process.exited).code).toBe(0);
  expect(performance.now() - before).toBeLessThan(4000);
});

test.each(["http", "https"] as const)(
  "a reader over HTTP/1.1 and %s that stalls for half a second during a drain misses nothing",
  async (scheme) => {
    await using hub = await startOver(scheme, ["--max-in-flight-bytes", "8000000"]);
    const client = await openUsed(hub);
    client.response.pause();
    if (scheme === "https") process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    onTestFinished(() => void delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
    for (let n = 0; n < 40; n++) await publishTo(hub, "x".repeat(200_000), "a");
    hub.process.signal("SIGTERM");
    // The time without reading is what this test is about.
    await new Promise((resolve) => setTimeout(resolve, 500));
    client.response.resume();
    expect(await client.ended).toBe("complete");
    expect(client.text()).toContain('"reason":"drain"');
    expect((await hub.process.exited).code).toBe(0);
  },
);
