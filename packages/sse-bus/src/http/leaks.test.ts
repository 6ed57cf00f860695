import { afterEach, describe, expect, test } from "vitest";
import { collectGarbage, liveHeap } from "../../test/support/collect-garbage.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { CONTROL_CHANNEL } from "../core/channel-name.ts";
import { createStreamHandler } from "./stream-handler.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { routeContext } from "./route-context.ts";

const CHURN = 3000;
/** What the control channel, which stays open with the bus, has. */
const OWN = { readers: 1, cohorts: 1 };
/** Garbage collections after which an object that still exists is leaked. */
const ROUNDS = 20;

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function setUp() {
  const bus = createBus();
  buses.push(bus);
  const host = { socketIp: () => undefined, trustedProxies: 0 };
  const handle = createStreamHandler(routeContext(bus), {}, host);
  return { bus, handle, engine: internalsOf(bus).engine };
}

/** How many objects of 50 visits are still reachable. */
async function heldAfter(visit: (n: number) => Promise<readonly object[]>): Promise<number> {
  const references: WeakRef<object>[] = [];
  // In a function of its own, so that no variable of the loop holds the last ones.
  const note = async (n: number): Promise<void> => {
    for (const each of await visit(n)) references.push(new WeakRef(each));
  };
  for (let n = 0; n < 50; n++) await note(n);
  const held = (): number =>
    references.filter((reference) => reference.deref() !== undefined).length;
  // Node 24 frees the signals of an aborted request from a finalizer, which takes one turn for
  // each link of the chain. A leaked object stays, however many turns pass.
  for (let round = 0; round < ROUNDS && (round === 0 || held() > 0); round++)
    await collectGarbage();
  return held();
}

describe("while the bus is open, nothing keeps", () => {
  test.each([
    ["is cancelled by its reader", false],
    ["has its request aborted", true],
  ])("a stream that %s, its request, response or body", async (_, isAborted) => {
    const { bus, handle, engine } = setUp();
    const held = await heldAfter(async (n) => {
      const abort = new AbortController();
      const request = new Request(`http://localhost/api/sse?channel=a/${n % 7}&channel=a/*`, {
        signal: abort.signal,
      });
      const response = await handle(request);
      const objects = [abort, request, response, response.body as ReadableStream];
      const stream = readTestStream(response);
      await stream.next();
      await bus.publish({ n }, { channel: `a/${n % 7}`, key: `k${n % 3}` });
      await stream.next();
      if (isAborted) abort.abort();
      else await stream.cancel();
      return objects;
    });
    expect(held).toBe(0);
    expect(engine.lifecycle.state).toBe("open");
    expect([...engine.topics.keys()]).toEqual([CONTROL_CHANNEL]);
    expect({ readers: engine.readers.size, cohorts: engine.cohorts.size }).toEqual(OWN);
  });

  test("a refused request, or one aborted before its stream is read", async () => {
    const { handle } = setUp();
    const held = await heldAfter(async () => {
      const abort = new AbortController();
      const refused = new Request("http://localhost/api/sse?channel=not allowed");
      const unread = new Request("http://localhost/api/sse", { signal: abort.signal });
      const answers = [await handle(refused), await handle(unread)];
      abort.abort();
      return [abort, refused, unread, ...answers];
    });
    expect(held).toBe(0);
  });

  test("a page, or a long poll whose request is aborted", async () => {
    const { bus, handle, engine } = setUp();
    const held = await heldAfter(async (n) => {
      const abort = new AbortController();
      const url = `http://localhost/api/sse?channel=a/${n % 7}&from=${await bus.cursor()}`;
      const long = new Request(`${url}&wait=60`, { signal: abort.signal });
      const answer = handle(long);
      await expect.poll(() => bus.stats().connections, { interval: 1 }).toBe(1);
      abort.abort();
      await bus.publish({ n }, { channel: `a/${n % 7}` });
      const short = new Request(`${url}&wait=0`);
      const page = await handle(short);
      expect(await page.text()).toContain("event: bye");
      return [abort, long, answer, await answer, short, page];
    });
    expect(held).toBe(0);
    expect(engine.readers.size).toBe(OWN.readers);
    // The windows of the seven channels are kept for the next page.
    expect(engine.cohorts.size).toBe(OWN.cohorts + 7);
  });

  test("a subscriber or its options after it is unsubscribed", async () => {
    const { bus } = setUp();
    const held = await heldAfter(async (n) => {
      const seen: unknown[] = [];
      const listener = (data: unknown): void => void seen.push(data);
      const unsubscribe = bus.subscribe(listener, { channel: n % 2 ? "a/*" : "a/1" });
      await bus.publish({ n }, { channel: "a/1" });
      unsubscribe();
      return [seen, listener, unsubscribe];
    });
    expect(held).toBe(0);
  });
});

test(`${4 * CHURN} streams that open, read and close on their own channels do not grow the heap`, async () => {
  const { bus, handle, engine } = setUp();
  async function churn(from: number, to: number): Promise<void> {
    for (let n = from; n < to; n++) {
      const url = `http://localhost/api/sse?channel=users/${n}&channel=users/*`;
      const stream = readTestStream(await handle(new Request(url)));
      await stream.next();
      if (n % 10 === 0) await bus.publish({ n }, { channel: "users/0" });
      await stream.cancel();
    }
  }
  async function growthOver(from: number): Promise<number> {
    const before = await liveHeap();
    await churn(from, from + 2 * CHURN);
    return (await liveHeap()) - before;
  }
  await churn(0, CHURN);
  // Code and its feedback take memory once; a leak grows every time. One object leaked
  // by each stream would be at least 600 KB, a reader or a window far more.
  const growth = [await growthOver(CHURN), await growthOver(3 * CHURN)];
  expect(Math.min(...growth)).toBeLessThan(400_000);
  expect([...engine.topics.keys()]).toEqual([CONTROL_CHANNEL]);
  expect({ readers: engine.readers.size, cohorts: engine.cohorts.size }).toEqual(OWN);
  expect(engine.store.logs.size).toBe(0);
}, 60_000);
