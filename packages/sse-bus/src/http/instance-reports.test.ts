import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { createSharedLog } from "../../test/support/shared-log.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { publishReserved } from "../core/reserved.ts";
import { createStreams } from "../streams/index.ts";
import { createTasks } from "../tasks/index.ts";
import { reportInstance } from "./instance-report.ts";
import { instanceReportsOf } from "./instance-reports.ts";
import { readReport } from "./read-report.ts";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";

const buses: Bus[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(buses.splice(0).map(async (bus) => bus.close()));
});

const host = { socketIp: () => undefined, trustedProxies: 0 };

/** An instance with a stream route, and its link to a log. */
function startInstance(log = createSharedLog()) {
  const link = log.connect();
  const errors: Error[] = [];
  const bus = createBus({ backend: link.backend, onError: (error) => errors.push(error) });
  buses.push(bus);
  const context = routeContext(bus);
  let user = "ada";
  const authorize = () => ({ identity: { id: user, info: "x".repeat(1000) } });
  const handle = createStreamHandler(context, { presence: true, authorize }, host);
  return {
    bus,
    context,
    link,
    errors,
    read: () => instanceReportsOf(context).read(),
    open: async (channel: string, as = "ada") => {
      user = as;
      const query = channel.split(" ").map((name) => `channel=${name}`);
      return handle(new Request(`http://localhost/sse?${query.join("&")}`));
    },
    reports: () => link.published.filter((message) => message.channel === "~inspector"),
  };
}

test("the reports of all instances are read on one of them, its own first", async () => {
  const log = createSharedLog();
  const [one, two] = [startInstance(log), startInstance(log)];
  await one.open("a");
  await two.open("b");
  expect(one.read()).toHaveLength(1);
  await expect
    .poll(() => one.read().map(({ channels }) => channels.listed.map(({ name }) => name)))
    .toEqual([["a"], ["b"]]);
});

test("an instance reports only while somebody looks, and the one that looks never does", async () => {
  const log = createSharedLog();
  const [one, two] = [startInstance(log), startInstance(log)];
  await one.open("a");
  await two.open("b");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(two.reports()).toHaveLength(0);
  for (let second = 0; second < 10; second++) {
    one.read();
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(one.read()).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(61_000);
  // One a second while it is read, and for six seconds after.
  expect(two.reports().length).toBeGreaterThanOrEqual(10);
  expect(two.reports().length).toBeLessThanOrEqual(18);
  expect(one.reports()).toHaveLength(0);
  expect(one.context.engine.topics.has("~inspector"), "it is still subscribed").toBe(false);
});

test("who looks at another instance at the same time sees all of them, too", async () => {
  const log = createSharedLog();
  const [one, two] = [startInstance(log), startInstance(log)];
  await one.open("a");
  await two.open("b");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  for (let second = 0; second < 20; second++) {
    one.read();
    await vi.advanceTimersByTimeAsync(100);
    two.read();
    await vi.advanceTimersByTimeAsync(900);
  }
  expect([one.read().length, two.read().length]).toEqual([2, 2]);
});

test("a report that is too large for a message is sent with shorter lists", async () => {
  const log = createSharedLog();
  const [one, two] = [startInstance(log), startInstance(log)];
  const channels = Array.from({ length: 50 }, (_, index) => `${"x".repeat(190)}/${index}`);
  // Each of these characters is two in JSON.
  for (let member = 0; member < 10; member++) {
    await two.open(channels.join(" "), `${'"'.repeat(198)}${member}`);
  }
  const whole = JSON.stringify(reportInstance(two.context, "two"));
  expect(whole.length).toBeGreaterThan(262_144);
  await one.open("a");
  await expect.poll(() => one.read()[1]?.connections.total).toBe(10);
  expect(two.errors).toEqual([]);
});

test("tasks, durable streams and members appear while they exist", async () => {
  const { bus, context, open } = startInstance();
  const tasks = createTasks({ bus });
  const streams = createStreams({ bus });
  await open("room");
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const { result } = await tasks.run(
    { id: "import", title: "Import", total: 3 },
    async ({ report }) => {
      report(2, { step: "rows" });
      await finished;
    },
  );
  await streams.start("answer", async function* () {
    yield "hello";
    await finished;
  });
  await expect
    .poll(() => reportInstance(context, "x"))
    .toMatchObject({
      presence: {
        total: 1,
        listed: [{ channel: "room", members: 1, shown: [{ id: "ada", streams: 1 }] }],
      },
      tasks: {
        total: 1,
        listed: [{ id: "import", title: "Import", done: 2, total: 3, step: "rows" }],
      },
      streams: { total: 1, listed: [{ channel: "~streams/answer", bytes: 5 }] },
    });
  finish();
  await result;
  await expect
    .poll(() => reportInstance(context, "x"))
    .toMatchObject({ tasks: { total: 0 }, streams: { total: 0 } });
});

test("a report is read unchanged, and with a field of another type not at all", () => {
  const report = JSON.parse(JSON.stringify(reportInstance(startInstance().context, "x"))) as object;
  expect(readReport(report)).toEqual(report);
  for (const name of Object.keys(report)) {
    for (const wrong of [undefined, "1", [], { listed: [null], total: 1 }, Number.NaN]) {
      const changed = { ...report, [name]: wrong };
      const isSame = typeof wrong === "string" && name === "instance";
      const isCursor = typeof wrong === "string" && name === "head";
      if (isSame || isCursor) continue;
      expect([name, wrong, readReport(changed)]).toEqual([name, wrong, undefined]);
    }
  }
});

test("a report of a bus without a limit for its history is read like every other", () => {
  const bus = createBus({ maxHistoryBytes: Number.POSITIVE_INFINITY });
  buses.push(bus);
  const report = reportInstance(routeContext(bus), "x");
  const sent: unknown = JSON.parse(JSON.stringify(report));
  expect(sent).toMatchObject({ history: { maxBytes: expect.any(Number) } });
  expect(readReport(sent)).toEqual(sent);
});

test("anything else from the log is skipped without an error", async () => {
  fc.assert(fc.property(fc.jsonValue(), (data) => readReport(data) === undefined));
  const log = createSharedLog();
  const [one, two] = [startInstance(log), startInstance(log)];
  await two.open("b");
  one.read();
  for (const data of [null, 7, [], {}, { instance: "x" }, { from: {} }]) {
    await publishReserved(internalsOf(two.bus), "~inspector", "report", data);
    await publishReserved(internalsOf(two.bus), "~control", "inspect", data);
  }
  await expect.poll(() => one.read().length).toBe(2);
  expect([...one.errors, ...two.errors]).toEqual([]);
});
