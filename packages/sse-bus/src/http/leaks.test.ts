import { afterEach, describe, expect, test } from "vitest";
import { collectGarbage, liveHeap } from "../../test/support/collect-garbage.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { createStreamHandler } from "./stream-handler.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { routeContext } from "./route-context.ts";

const CHURN = 3000;
/** Collections after which what is held is leaked. */
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

/** How many of the objects that 50 visits went with are still referred to from anywhere. */
async function heldAfter(visit: (n: number) => Promise<readonly object[]>): Promise<number> {
  const references: WeakRef<object>[] = [];
  // In a function of its own, so that no variable of the loop holds the last ones.
  const note = async (n: number): Promise<void> => {
    for (const each of await visit(n)) references.push(new WeakRef(each));
  };
  for (let n = 0; n < 50; n++) await note(n);
  const held = (): number =>
    references.filter((reference) => reference.deref() !== undefined).length;
  // Node 24 frees the signals of an aborted request from a finalizer, which is a turn of its own for
  // each link of the chain. What is leaked stays, however many turns pass.
  for (let round = 0; round < ROUNDS && (round === 0 || held() > 0); round++)
    await collectGarbage();
  return held();
}

describe("while the bus lives on, nothing keeps", () => {
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
    expect(engine).toMatchObject({
      lifecycle: { state: "open" },
      readers: new Set(),
      cohorts: new Map(),
    });
  });

  test("a refused request, or one that is aborted before anybody has read its stream", async () => {
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

  test("a listener, or what it was subscribed with, once it is unsubscribed", async () => {
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

test(`${4 * CHURN} streams that come, read and go, on channels of their own, leave the heap as it was`, async () => {
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
  // What code and its feedback take comes once; what is left behind comes every time. An object left
  // behind by each would be 600 KB at the least, a reader or a window far more.
  const growth = [await growthOver(CHURN), await growthOver(3 * CHURN)];
  expect(Math.min(...growth)).toBeLessThan(400_000);
  expect(engine).toMatchObject({ readers: new Set(), cohorts: new Map(), topics: new Map() });
  expect(engine.store.logs.size).toBe(0);
}, 60_000);
