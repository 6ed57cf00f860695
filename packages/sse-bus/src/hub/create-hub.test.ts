import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { createBus } from "../core/bus.ts";
import { createHub } from "./create-hub.ts";
import type { HubOptions } from "./hub-options.ts";

test.each([
  ["on sockets of their own", []],
  ["of `node:http`", ["X-A: 1", "X-A: 2"]],
])("closing cuts requests %s that wait for `authorize`", async (_, own) => {
  await using bus = createBus();
  let asked = (): void => {};
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  const hub = createHub({
    bus,
    authorizeTimeoutMs: 60_000,
    authorize: async () => {
      asked();
      return new Promise<boolean>(() => {});
    },
  });
  const { port, hostname } = new URL(await hub.listen(0));
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(["GET /sse HTTP/1.1", "Host: h", ...own, "", ""].join("\r\n"));
  await isAsked;
  const cut = once(socket, "close");
  await hub.close();
  await cut;
  expect(hub.server.listening).toBe(false);
});

test("CONNECT gets a 405 and is not cut off", async () => {
  await using bus = createBus();
  await using hub = createHub({ bus });
  const { port, hostname } = new URL(await hub.listen(0));
  const socket = connect(Number(port), hostname).setEncoding("utf8");
  let text = "";
  socket.on("data", (part: string) => (text += part));
  socket.write("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n");
  await once(socket, "close");
  expect(text).toMatch(/^HTTP\/1\.1 405 [^]*\r\nAllow: GET, POST, OPTIONS\r\n/i);
});

test("TRACE of the inspector gets a 405, without an error of the server", async () => {
  const errors: Error[] = [];
  await using bus = createBus({ onError: (error) => errors.push(error) });
  await using hub = createHub({ bus, inspectorToken: "a token that is long enough" });
  const { port, hostname } = new URL(await hub.listen(0));
  for (const accept of ["*/*", "text/event-stream"]) {
    const socket = connect(Number(port), hostname).setEncoding("utf8");
    let text = "";
    socket.on("data", (part: string) => (text += part));
    socket.write(
      `TRACE /inspector HTTP/1.1\r\nHost: h\r\nAccept: ${accept}\r\nConnection: close\r\n\r\n`,
    );
    await once(socket, "close");
    expect(text).toMatch(/^HTTP\/1\.1 405 /);
  }
  expect(errors).toEqual([]);
});

describe("who may publish to a hub", () => {
  const TOKEN = "a token that is long enough";

  /** A hub with these settings, and the status of a publish to a channel, by default without a token. */
  async function startHub(options: Omit<HubOptions<never, never>, "bus">) {
    const bus = createBus();
    const hub = createHub({ bus, ...options });
    const url = await hub.listen(0);
    return {
      bus,
      async publish(channel: string, token?: string): Promise<number> {
        const response = await fetch(`${url}/publish`, {
          method: "POST",
          headers: {
            "Content-Type": "application/json",
            ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify({ channel, data: 1 }),
        });
        await response.text();
        return response.status;
      },
      async [Symbol.asyncDispose]() {
        await hub.close();
        await bus.close();
      },
    };
  }

  test("nobody, if only `authorize` is given: it decides about reading", async () => {
    await using hub = await startHub({ authorize: () => true });
    expect(await hub.publish("orders/1")).toBe(403);
    expect(hub.bus.stats().published).toBe(0);
  });

  test("`authorizePublish` decides by channel, also with `openPublish`", async () => {
    const asked: string[] = [];
    await using hub = await startHub({
      openPublish: true,
      authorizePublish({ action, channels }) {
        asked.push(`${action} ${channels.join()}`);
        return channels[0] === "orders/1";
      },
    });
    expect(await hub.publish("orders/1")).toBe(200);
    expect(await hub.publish("orders/2")).toBe(403);
    expect(asked).toContain("publish orders/1");
    expect(asked).toContain("publish orders/2");
    expect(hub.bus.stats().published).toBe(1);
  });

  test("the publish token lets its holder publish everywhere, and `authorizePublish` is asked about others", async () => {
    const asked: string[] = [];
    await using hub = await startHub({
      publishToken: TOKEN,
      authorizePublish({ channels }) {
        asked.push(...channels);
        return channels[0] === "orders/1" || 401;
      },
    });
    expect(await hub.publish("orders/2", TOKEN)).toBe(200);
    expect(asked).toEqual([]);
    expect(await hub.publish("orders/1")).toBe(200);
    expect(await hub.publish("orders/2")).toBe(401);
    expect(await hub.publish("orders/2", `${TOKEN}x`)).toBe(401);
    expect(hub.bus.stats().published).toBe(2);
  });
});
