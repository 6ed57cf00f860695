import { jetstreamManager } from "@nats-io/jetstream";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createBus } from "../../packages/sse-bus/src/index.ts";
import { natsBackend } from "../../packages/sse-bus/src/nats/index.ts";
import { findProgram } from "../support/find-program.ts";
import { type NatsServer, startNats } from "../support/nats.ts";
import { freePort } from "../support/ports.ts";
import { startProcess } from "../support/processes.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { openInstance, publishMany } from "./nats-instance.ts";
import { connectTo, createNatsLog } from "./nats-log.ts";

let server: NatsServer;
let monitorPort: number;
beforeAll(async () => {
  monitorPort = await freePort();
  server = await startNats({ args: ["-m", String(monitorPort)] });
});
afterAll(async () => server[Symbol.asyncDispose]());

describe("connection", () => {
  test("a connection that was passed stays open, and the bus leaves nothing on it or on the server", async () => {
    await using connection = await connectTo(server.port, { name: "given" });
    const stream = "given";
    const cycle = async (): Promise<void> => {
      await using bus = createBus({ backend: natsBackend({ connection, stream }) });
      const received: unknown[] = [];
      bus.subscribe((data) => received.push(data), { channel: "a/*" });
      await bus.publish(1, { channel: "a/1" });
      await bus.cursor();
      await waitFor("the message", () => received.length === 1);
    };
    await cycle();
    const before = await subscriptionsOf("given");
    for (let n = 0; n < 5; n++) await cycle();
    expect(connection.isClosed()).toBe(false);
    expect(await subscriptionsOf("given")).toEqual(before);
    const jsm = await jetstreamManager(connection);
    expect(await jsm.consumers.list(stream).next()).toEqual([]);
  });

  test("many reads leave no consumer on the server", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect());
    await publishMany(instance, "a", { count: 10 });
    await Promise.all(Array.from({ length: 100 }, async () => instance.kept("a")));
    await using connection = await connectTo(server.port);
    const jsm = await jetstreamManager(connection);
    await waitFor("only the follower's consumer to be left", async () => {
      const { state } = await jsm.streams.info(log.stream);
      return state.consumer_count === 1;
    });
  });

  test("a connection of the backend's own is replaced when it closes permanently", async () => {
    await using own = await startNats();
    let made = 0;
    const backend = natsBackend({
      connection: async () => {
        made++;
        return connectTo(own.port, { maxReconnectAttempts: 1 });
      },
    });
    await using instance = await openInstance(backend);
    const received = await instance.listen("a");
    await instance.publish("a", 1);
    await own.kill();
    await waitFor("the outage to be reported", () => instance.statuses.at(-1) === "down");
    // More attempts than one connection makes.
    await waitFor("a second connection attempt", () => made > 1);
    await own.start();
    await waitFor("the end of the outage", () => instance.statuses.at(-1) === "up");
    await instance.publish("a", 2);
    await waitFor("both messages", () => received.data.length === 2);
    expect(received.data).toEqual([1, 2]);
  });

  test("a connection closed by its owner is an outage that is reported as such, and the bus can be closed", async () => {
    const connection = await connectTo(server.port);
    const backend = natsBackend({ connection, stream: "closed-by-owner" });
    await using instance = await openInstance(backend);
    await connection.close();
    await waitFor("the outage to be reported", () => instance.statuses.at(-1) === "down");
    await waitFor("the reason", () => instance.errors.some((each) => /closed/.test(each.message)));
    await expect(instance.publish("a", 1)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await expect(instance.kept("a")).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  });

  test("a bus works with an account's own inboxes, if the option names them", async () => {
    const inboxPrefix = "_INBOX_app";
    const backend = natsBackend({
      stream: "own-inboxes",
      inboxPrefix,
      connection: async () => connectTo(server.port, { inboxPrefix, name: "own inboxes" }),
    });
    await using instance = await openInstance(backend);
    await publishMany(instance, "a", { count: 3 });
    expect(await instance.kept("a")).toEqual([0, 1, 2]);
    for (const subject of await subscriptionsOf("own inboxes")) {
      expect(subject).toMatch(/^_INBOX_app\./);
    }
  });
});

test("a bus works in a JetStream domain", async () => {
  await using folder = await tempFolder("nats-domain");
  const file = join(folder.path, "domain.conf");
  await writeFile(file, "jetstream { domain: hub }");
  await using hub = await startNats({ args: ["-c", file] });
  const backend = natsBackend({ domain: "hub", connection: async () => connectTo(hub.port) });
  await using instance = await openInstance(backend);
  const received = await instance.listen("a");
  await publishMany(instance, "a", { count: 3 });
  await waitFor("all messages", () => received.data.length === 3);
  expect(await instance.kept("a")).toEqual([0, 1, 2]);
});

test("a log in the server's memory restarts with the server", async () => {
  await using own = await startNats();
  await using log = createNatsLog(own);
  await using instance = await openInstance(await log.connect({ storage: "memory" }));
  await publishMany(instance, "a", { count: 3 });
  await own.stop();
  await own.start();
  await waitFor("the restart to be reported", () => instance.restarts.length === 1);
  await waitFor("it to be up", () => instance.statuses.at(-1) === "up");
  expect(await instance.kept("a")).toEqual([]);
});

describe("errors", () => {
  test("open rejects without a server, and a later attempt succeeds", async () => {
    const port = await freePort();
    const backend = natsBackend({
      connection: async () => connectTo(port, { reconnect: false, maxReconnectAttempts: 0 }),
    });
    await expect(openInstance(backend)).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      cause: expect.any(Error),
    });
    // Of two equal flags, the last one applies.
    await using _ = await startNats({ args: ["-p", String(port)] });
    await using instance = await openInstance(backend);
    await instance.publish("a", 1);
  });

  test("a server without JetStream is reported as such", async () => {
    const port = await freePort();
    const program = await findProgram("nats");
    await using _ = await startProcess(program, ["-a", "127.0.0.1", "-p", String(port)], {
      ready: /Server is ready/,
    });
    const backend = natsBackend({ connection: async () => connectTo(port) });
    await expect(openInstance(backend)).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringContaining("JetStream is not enabled"),
    });
  });

  test("a stream of another program is not changed", async () => {
    await using connection = await connectTo(server.port);
    const jsm = await jetstreamManager(connection);
    await jsm.streams.add({ name: "work", subjects: ["work.*"], retention: "workqueue" });
    const backend = natsBackend({ connection, stream: "work" });
    await expect(openInstance(backend)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect((await jsm.streams.info("work")).config.subjects).toEqual(["work.*"]);
  });

  test("subjects of another stream are reported with the server's error", async () => {
    await using connection = await connectTo(server.port);
    const jsm = await jetstreamManager(connection);
    await jsm.streams.add({ name: "other", subjects: ["taken.>"] });
    const backend = natsBackend({ connection, stream: "taken" });
    await expect(openInstance(backend)).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringContaining("subjects overlap"),
    });
  });

  test("a message larger than the server's limit is reported as such, and the next one is published", async () => {
    await using log = createNatsLog(server);
    await using bus = createBus({ backend: await log.connect(), maxMessageBytes: 4_000_000 });
    await expect(bus.publish("x".repeat(2_000_000))).rejects.toMatchObject({
      code: "MESSAGE_TOO_LARGE",
    });
    await bus.publish("small");
  });

  test("a log at its size limit rejects publishes with the reason", async () => {
    await using connection = await connectTo(server.port);
    const jsm = await jetstreamManager(connection);
    await jsm.streams.add({ name: "full", subjects: ["full.>"], max_bytes: 300, discard: "new" });
    const backend = natsBackend({ connection, stream: "full" });
    await using instance = await openInstance(backend);
    await expect(instance.publish("a", "x".repeat(1000))).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringContaining("maximum bytes exceeded"),
    });
  });
});

/** The subscribed subjects of a connection with this name, according to the server. */
async function subscriptionsOf(name: string): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${monitorPort}/connz?subs=1`);
  const { connections } = (await answer.json()) as {
    connections: { name?: string; subscriptions_list?: string[] }[];
  };
  return connections.find((each) => each.name === name)?.subscriptions_list?.toSorted() ?? [];
}
