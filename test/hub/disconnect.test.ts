import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { createBus } from "../../packages/sse-bus/src/index.ts";
import { openStream } from "../support/event-stream.ts";
import { startRedis } from "../support/redis.ts";
import { createRedisLog, makeClient } from "../backends/redis-log.ts";
import { startHub } from "./hub-process.ts";

const SECRET = "a secret of at least thirty-two bytes";
const STREAMS = 12;

/** A token (RFC 7519) that HS256 signs. */
function sign(claims: object): string {
  const text = [{ alg: "HS256" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

async function open(url: string, user: string) {
  const token = sign({ sub: user, sse_bus: { subscribe: ["news"] } });
  const stream = await openStream(`${url}/sse?channel=news`, {
    headers: {
      // With `text/event-stream` alone, a refusal would be a stream.
      Accept: "text/event-stream, application/problem+json",
      Authorization: `Bearer ${token}`,
    },
  });
  await stream.next("hello");
  return stream;
}

test("the application ends streams of a hub that shares its backend, on every worker", async () => {
  await using server = await startRedis();
  await using log = createRedisLog(server, makeClient.redis);
  await using bus = createBus({ backend: await log.connect({ prefix: "sse-bus" }) });
  await using hub = await startHub({
    args: ["--workers", "2", "--jwt-key", SECRET],
    env: { SSE_BUS_URL: `redis://127.0.0.1:${server.port}` },
  });
  const users = Array.from({ length: STREAMS }, (_, n) => (n % 2 === 0 ? "ada" : "bob"));
  const streams = await Promise.all(users.map(async (user) => open(hub.url, user)));
  expect(await bus.disconnect({ identity: "ada" }, { code: "SIGNED_OUT" })).toBe(0);
  await bus.publish("after", { channel: "news" });
  for (const [n, stream] of streams.entries()) {
    const event = await stream.next(({ event: type }) => type === "message" || type === "bye");
    if (users[n] === "bob") expect(event.json()).toBe("after");
    else expect(event.json()).toMatchObject({ reason: "revoked", code: "SIGNED_OUT" });
    await stream[Symbol.asyncDispose]();
  }
}, 60_000);

test("--max-connections-per-identity limits the streams of a token's sub", async () => {
  await using hub = await startHub({
    args: ["--jwt-key", SECRET, "--max-connections-per-identity", "2"],
  });
  await using first = await open(hub.url, "ada");
  await using second = await open(hub.url, "ada");
  await expect(open(hub.url, "ada")).rejects.toThrow('"code":"TOO_MANY_CONNECTIONS"');
  await using other = await open(hub.url, "bob");
  expect([first, second, other].map(({ status }) => status)).toEqual([200, 200, 200]);
}, 60_000);
