import { jetstreamManager } from "@nats-io/jetstream";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type NatsServer, startNats } from "../support/nats.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  type NatsSubscriber,
  type NatsInstance,
  openInstance,
  publishMany,
} from "./nats-instance.ts";
import { connectTo, createNatsLog } from "./nats-log.ts";

let server: NatsServer;
beforeAll(async () => {
  server = await startNats();
});
afterAll(async () => server[Symbol.asyncDispose]());

/** The smallest number of messages that the server keeps per subject. */
const KEPT = 1001;

test("a channel that exceeded its history while an instance was disconnected has lost exactly the dropped messages", async () => {
  await using log = createNatsLog(server);
  await using cut = await openInstance(await log.connect());
  await using other = await openInstance(await log.connect());
  const [busy, quiet, all] = await Promise.all(["busy", "quiet", "**"].map(cut.listen));
  await other.publish("busy", "before");
  await waitFor("the first message", () => busy?.data.length === 1);

  await log.proxyOf(cut.backend).cut();
  await waitFor("the outage to be reported", () => cut.statuses.at(-1) === "down");
  const published = await publishMany(other, "busy", { count: KEPT + 500 });
  const last = await other.publish("quiet", "after");
  await log.proxyOf(cut.backend).mend();
  await waitFor("all that is kept", () => all?.seqs.at(-1) === last.seq);

  const newestGone = published.map(({ seq }) => seq).toSorted((a, b) => a - b)[499] as number;
  expect(busy?.losses).toEqual([newestGone]);
  expect(all?.losses).toEqual([newestGone]);
  expect(quiet?.losses).toEqual([]);
  expect(busy?.seqs).toHaveLength(1 + KEPT);
  expect(quiet?.data).toEqual(["after"]);
  expect(cut.statuses).toEqual(["down", "up"]);
  expect(cut.restarts).toEqual([]);
});

test("an instance that missed more than the server's limit in flight receives all of it", async () => {
  await using log = createNatsLog(server);
  await using cut = await openInstance(await log.connect());
  await using other = await openInstance(await log.connect());
  const received = await cut.listen("large/*");
  await log.proxyOf(cut.backend).cut();
  await waitFor("the outage to be reported", () => cut.statuses.at(-1) === "down");
  // JetStream's flow control stops at 32 MB.
  const text = "x".repeat(250_000);
  for (let n = 0; n < 200; n += 10) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => other.publish(`large/${index}`, text)),
    );
  }
  await log.proxyOf(cut.backend).mend();
  await waitFor("all of it", () => received.seqs.length === 200, { timeoutMs: 10_000 });
  expect(received.losses).toEqual([]);
  expect(cut.statuses).toEqual(["down", "up"]);
});

test("superseded updates that the server dropped while an instance was disconnected are not a loss", async () => {
  await using log = createNatsLog(server);
  await using cut = await openInstance(await log.connect());
  await using other = await openInstance(await log.connect());
  const scores = await cut.listen("scores");
  await log.proxyOf(cut.backend).cut();
  await waitFor("the outage to be reported", () => cut.statuses.at(-1) === "down");
  await publishMany(other, "scores", { count: KEPT + 500, key: "home" });
  await other.publish("scores", "last", { key: "home" });
  await log.proxyOf(cut.backend).mend();
  await waitFor("the newest value", () => scores.data.at(-1) === "last");
  expect(scores.losses).toEqual([]);
  expect(scores.data).toHaveLength(KEPT);
});

test("messages purged while an instance was disconnected are reported to all its subscribers before it is up", async () => {
  await using log = createNatsLog(server);
  await using cut = await openInstance(await log.connect());
  await using other = await openInstance(await log.connect());
  const received = await listenInOrder(cut, ["a", "b", "**"]);
  await log.proxyOf(cut.backend).cut();
  await waitFor("the outage to be reported", () => cut.statuses.at(-1) === "down");
  const published = await publishMany(other, "a", { count: 5 });
  await using connection = await connectTo(server.port);
  await (await jetstreamManager(connection)).streams.purge(log.stream);
  await log.proxyOf(cut.backend).mend();
  await waitFor("the end of the outage", () => cut.statuses.at(-1) === "up");
  const last = Math.max(...published.map(({ seq }) => seq));
  expect(cut.reports).toEqual([
    "down",
    `a lost ${last}`,
    `b lost ${last}`,
    `** lost ${last}`,
    "up",
  ]);
  expect((await other.backend.read("a")).horizon).toBe(last);
  await other.publish("b", "next");
  await waitFor("the next message", () => received[1]?.data.at(-1) === "next");
});

test("a message that was deleted by hand before it was delivered is reported as lost", async () => {
  await using log = createNatsLog(server);
  await using cut = await openInstance(await log.connect());
  await using other = await openInstance(await log.connect());
  const received = await Promise.all(["a", "b"].map(cut.listen));
  await log.proxyOf(cut.backend).cut();
  await waitFor("the outage to be reported", () => cut.statuses.at(-1) === "down");
  const published = await publishMany(other, "a", { count: 5 });
  const [, second, third] = published.map(({ seq }) => seq).toSorted((a, b) => a - b);
  await using connection = await connectTo(server.port);
  await (await jetstreamManager(connection)).streams.deleteMessage(log.stream, second as number);
  await log.proxyOf(cut.backend).mend();
  await waitFor("what is left", () => received[0]?.seqs.length === 4);
  for (const { losses } of received) expect(losses).toEqual([(third as number) - 1]);
});

test("a connection that is silently dead is detected, and nothing is lost", async () => {
  await using log = createNatsLog(server);
  await using silent = await openInstance(await log.connect({ requestTimeoutMs: 10_000 }));
  await using other = await openInstance(await log.connect());
  const received = await silent.listen("a");
  await other.publish("a", 0);
  await waitFor("the first message", () => received.data.length === 1);
  const { seq } = silent.backend.head();

  const since = performance.now();
  log.proxyOf(silent.backend).hang();
  await waitFor("the silence to be reported", () => silent.statuses.at(-1) === "down");
  // Three heartbeats of 250 ms may be missing; a request without a response would be detected later.
  expect(performance.now() - since).toBeLessThan(5000);
  await publishMany(other, "a", { count: 100, first: 1 });
  const refused = silent.publish("a", "refused").catch((error: unknown) => error);
  // Immediately: what needs no response runs before any timer, even if this process was paused.
  const late = new Promise((resolve) => setTimeout(resolve, 50, "late"));
  expect(await Promise.race([refused, late])).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  expect(silent.backend.head().seq).toBe(seq);

  await log.proxyOf(silent.backend).mend();
  await waitFor("the end of the outage", () => silent.statuses.at(-1) === "up");
  await other.publish("a", "after");
  await waitFor("the last message", () => received.data.at(-1) === "after");
  expect(received.data).toHaveLength(102);
  expect(new Set(received.data)).toEqual(new Set([...Array(101).keys(), "after"]));
  expect(received.losses).toEqual([]);
});

test("publishes in flight when the connection breaks reject immediately, not at their timeout", async () => {
  await using log = createNatsLog(server);
  await using instance = await openInstance(await log.connect({ requestTimeoutMs: 60_000 }));
  const proxy = log.proxyOf(instance.backend);
  proxy.hang();
  const underWay = [instance.publish("a", 1), instance.kept("a"), instance.backend.readHead()];
  const results = Promise.allSettled(underWay);
  await proxy.cut();
  for (const result of await results) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "BACKEND_UNAVAILABLE" } });
  }
});

test("a frozen server is detected, and continues where it stopped when it resumes", async () => {
  await using frozen = await startNats();
  await using log = createNatsLog(frozen);
  await using instance = await openInstance(await log.connect({ requestTimeoutMs: 500 }));
  const received = await instance.listen("a");
  await publishMany(instance, "a", { count: 3 });
  frozen.pause();
  await waitFor("the silence to be reported", () => instance.statuses.at(-1) === "down");
  frozen.resume();
  await waitFor("the end of the outage", () => instance.statuses.at(-1) === "up");
  await publishMany(instance, "a", { count: 3, first: 3 });
  await waitFor("all messages", () => received.data.length >= 6);
  expect(received.data).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a heartbeat that reports missing messages recovers them, without an outage", async () => {
  await using log = createNatsLog(server);
  await using instance = await openInstance(await log.connect());
  const received = await instance.listen("a");
  await instance.publish("a", 1);
  await using connection = await connectTo(server.port);
  const jsm = await jetstreamManager(connection);
  const [consumer] = await jsm.consumers.list(log.stream).next();
  const { headers } = await import("@nats-io/transport-node");
  const beat = headers(100, "Idle Heartbeat");
  beat.set("Nats-Last-Consumer", "99");
  connection.publish(consumer?.config.deliver_subject as string, "", { headers: beat });
  await waitFor("another consumer to follow the stream", async () => {
    const consumers = await jsm.consumers.list(log.stream).next();
    return consumers.length === 1 && consumers[0]?.name !== consumer?.name;
  });
  await publishMany(instance, "a", { count: 2, first: 2 });
  await waitFor("all messages", () => received.data.length >= 3);
  expect(received.data).toEqual([1, 2, 3]);
  expect(instance.statuses).toEqual([]);
});

test("a stream deleted under a running bus restarts for every instance, and no publish fails", async () => {
  await using log = createNatsLog(server);
  await using one = await openInstance(await log.connect());
  await using two = await openInstance(await log.connect());
  const received = await two.listen("a");
  const [old] = await publishMany(one, "a", { count: 20 });
  await using connection = await connectTo(server.port);
  await (await jetstreamManager(connection)).streams.delete(log.stream);
  const published = [await one.publish("a", "one"), await two.publish("a", "two")];
  await waitFor("both to report it", () => one.restarts.length > 0 && two.restarts.length > 0);
  const { epoch } = one.backend.head();
  expect(epoch).not.toBe(old?.epoch);
  expect(published.map((each) => each.epoch)).toEqual([epoch, epoch]);
  expect([one.restarts, two.restarts]).toEqual([[epoch], [epoch]]);
  expect(await two.kept("a")).toEqual(["one", "two"]);
  await one.publish("a", "three");
  await waitFor("the new log's messages", () => received.data.at(-1) === "three");
  expect((await two.backend.readHead()).epoch).toBe(epoch);
});

test("every instance detects a deleted stream without a publish", async () => {
  await using log = createNatsLog(server);
  await using one = await openInstance(await log.connect());
  await using two = await openInstance(await log.connect());
  await publishMany(one, "a", { count: 20 });
  await using connection = await connectTo(server.port);
  await (await jetstreamManager(connection)).streams.delete(log.stream);
  await waitFor("both to report it", () => one.restarts.length > 0 && two.restarts.length > 0);
  expect(one.restarts).toEqual(two.restarts);
});

test("a server that restarts with an older state of its disk gets a new epoch, and keeps its messages", async () => {
  await using crashed = await startForgetful();
  await using log = createNatsLog(crashed);
  await using one = await openInstance(await log.connect());
  await using two = await openInstance(await log.connect());
  await publishMany(one, "a", { count: 10 });
  await crashed.stop();
  await crashed.remember();
  await crashed.start();
  await waitFor("both to be up", () => [one, two].every((each) => each.statuses.at(-1) === "up"));
  const lost = await publishMany(one, "a", { count: 5, first: 10 });
  await crashed.kill();
  await crashed.forget();
  await crashed.start();

  await waitFor("both to report it", () => one.restarts.length > 0 && two.restarts.length > 0);
  await waitFor("both to be up", () => [one, two].every((each) => each.statuses.at(-1) === "up"));
  await waitFor("both to agree", () => one.backend.head().epoch === two.backend.head().epoch);
  expect(one.backend.head().epoch).not.toBe(lost[0]?.epoch);
  expect(await two.kept("a")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const { epoch } = await two.publish("a", 10);
  expect(epoch).toBe(one.backend.head().epoch);
});

test("positions that are assigned again after a crash differ from the first ones by their time", async () => {
  await using crashed = await startForgetful();
  await using log = createNatsLog(crashed);
  await using away = await openInstance(await log.connect());
  await publishMany(away, "a", { count: 10 });
  await crashed.stop();
  await crashed.remember();
  await crashed.start();
  await waitFor("it to be up", () => away.statuses.at(-1) === "up");
  const lost = await publishMany(away, "a", { count: 5, first: 10 });
  await waitFor("its own messages", () => away.backend.head().seq >= (lost.at(-1)?.seq ?? 0));
  await log.proxyOf(away.backend).cut();
  await crashed.kill();
  await crashed.forget();
  await crashed.start();
  // An instance that does not know of it moves beyond the other one's position.
  await using fresh = await openInstance(await log.connect());
  await publishMany(fresh, "a", { count: 20, first: 100 });
  expect(fresh.backend.head().seq).toBeGreaterThan(away.backend.head().seq);
  await log.proxyOf(away.backend).mend();
  await waitFor("the restart to be reported", () => away.restarts.length > 0);
  await waitFor("both to agree", () => fresh.restarts.at(-1) === away.restarts.at(-1));
  expect(away.restarts[0]).not.toBe(lost[0]?.epoch);
});

async function listenInOrder(
  instance: NatsInstance,
  topics: readonly string[],
): Promise<NatsSubscriber[]> {
  const received: NatsSubscriber[] = [];
  for (const topic of topics) received.push(await instance.listen(topic));
  return received;
}

/** A server whose disk can be reset to an earlier state, as after a crash of its machine. */
async function startForgetful(): Promise<
  NatsServer & { remember(): Promise<void>; forget(): Promise<void> }
> {
  const folder = await tempFolder("nats-disk");
  const disk = join(folder.path, "disk");
  const copy = join(folder.path, "copy");
  // Of two equal flags, the last one applies.
  const running = await startNats({ args: ["-sd", disk] });
  return Object.assign(running, {
    remember: async () => cp(disk, copy, { recursive: true }),
    async forget() {
      await rm(disk, { recursive: true });
      await cp(copy, disk, { recursive: true });
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await folder[Symbol.asyncDispose]();
    },
  });
}
