import { expect, test } from "vitest";

import { backendFromUrl } from "../../packages/sse-bus/src/backends/index.ts";
import { createBus } from "../../packages/sse-bus/src/index.ts";
import { useNats } from "../support/nats.ts";
import { freePort } from "../support/ports.ts";
import { usePostgres } from "../support/postgres.ts";
import { useRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";

const servers = { redis: useRedis, nats: useNats, postgres: usePostgres };

test.each(Object.entries(servers))(
  "a %s URL is enough: two instances with it share one bus, and both close",
  async (name, use) => {
    await using server = await use();
    await using one = createBus({ backend: backendFromUrl(server.url) });
    await using two = createBus({ backend: backendFromUrl(server.url) });
    expect(one.stats().backend).toBe(name);
    const received: unknown[] = [];
    const channel = `from-url/${process.pid}`;
    two.subscribe((data) => received.push(data), { channel, after: await one.cursor() });
    const first = await one.publish("first", { channel });
    const second = await two.publish("second", { channel });
    await waitFor("both messages", () => received.length === 2);
    expect(received).toEqual(["first", "second"]);
    expect(Number.parseInt(first.id, 36)).toBeLessThan(Number.parseInt(second.id, 36));
  },
);

test.each(["redis", "nats", "postgres"])(
  "a %s server that does not run is an error with a code, and never replaced by memory",
  async (scheme) => {
    const port = await freePort();
    const backend = backendFromUrl(`${scheme}://user:secret@127.0.0.1:${port}/0`);
    await using bus = createBus({ backend, onError: () => {} });
    const failure = await bus.publish("lost").catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "SseBusError", code: "BACKEND_UNAVAILABLE" });
    expect((failure as Error).message).not.toContain("secret");
  },
);

test.each(["http://user:secret@host", "redis", "127.0.0.1:6379", "mysql://user:secret@host/db"])(
  "%s is rejected immediately, without its password in the error",
  (url) => {
    const make = (): unknown => backendFromUrl(url);
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    expect(make).not.toThrow("secret");
  },
);

test.each([undefined, ""])("without a URL (%j) the backend is memory", (url) => {
  expect(backendFromUrl(url).name).toBe("memory");
});

test.each(Object.entries(servers))(
  "on one %s server, buses of two names are two buses",
  async (_, use) => {
    await using server = await use();
    await using one = createBus({ backend: backendFromUrl(server.url) });
    const name = `named-${process.pid}`;
    await using two = createBus({ backend: backendFromUrl(server.url, { name }) });
    await using same = createBus({ backend: backendFromUrl(server.url, { name }) });
    const received: unknown[] = [];
    same.subscribe((data) => received.push(data), { channel: "**", after: await two.cursor() });
    await one.publish("of the other bus");
    await two.publish("of this bus");
    await waitFor("the message", () => received.length > 0);
    expect(received).toEqual(["of this bus"]);
  },
);

test.each(["", "Upper", "1st", "a b", "a".repeat(41), "{tag}", "a.b", 7])(
  "the name %j is rejected immediately",
  (name) => {
    expect(() => backendFromUrl(undefined, { name: name as string })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  },
);
