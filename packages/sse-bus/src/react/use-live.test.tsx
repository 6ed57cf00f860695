// @vitest-environment happy-dom
import { act, StrictMode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type BusServer, startBusServer } from "../../test/support/bus-server.ts";
import type { BusOptions } from "../core/bus-types.ts";
import type { LiveSnapshot } from "../core/live/live-types.ts";
import type { StreamOptions } from "../http/stream-options.ts";
import { defineLive } from "../live/define-live.ts";
import { lastMessages, newestByKey } from "../live/reducers.ts";
import { createFakeStream } from "../testing/fake-stream.ts";
import { type LiveValue, SseProvider, useLive, type UseLiveOptions } from "./index.ts";

// The hook, the client, the route and the bus together, without mocks.

/** Enough time for a busy machine. */
const WAIT = { timeout: 10_000, interval: 5 };

const list = defineLive({
  channel: "a",
  initial: [] as readonly number[],
  reduce: (value, data: number) => [...value, data],
});

let roots: Root[] = [];
let errors: unknown[] = [];
let shown: string[] = [];

beforeEach(() => {
  setActing(true);
  errors = [];
  shown = [];
});

afterEach(async () => {
  await act(async () => roots.forEach((root) => root.unmount()));
  roots = [];
});

function start(options: BusOptions = {}, streamOptions: StreamOptions = {}): BusServer {
  const server = startBusServer(streamOptions, options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

interface AppProps {
  readonly server: Pick<BusServer, "url" | "fetch">;
  readonly children: React.ReactNode;
}

function App({ server, children }: AppProps) {
  return (
    <SseProvider
      url={server.url}
      fetch={server.fetch}
      backoff={{ baseMs: 0 }}
      onError={(error) => errors.push(error)}
    >
      {children}
    </SseProvider>
  );
}

interface ValuesProps extends UseLiveOptions {
  readonly live?: LiveValue<readonly number[]>;
  readonly snapshot?: LiveSnapshot<readonly number[]> | undefined;
}

function Values({ live = list, snapshot, ...options }: ValuesProps) {
  const { data, status, gap } = useLive(live, snapshot, options);
  const text = `${status} ${data.join()}${gap ? ` ${gap.reason}` : ""}`;
  shown.push(text);
  return <p>{text}</p>;
}

async function show(server: AppProps["server"], children: React.ReactNode) {
  const place = document.createElement("div");
  const root = createRoot(place);
  roots.push(root);
  const render = (what: React.ReactNode) =>
    act(async () => root.render(<App server={server}>{what}</App>));
  await render(children);
  return { place, render };
}

/** Waits until the page shows it. React renders by itself in between, as in a browser. */
async function until(holds: () => void): Promise<void> {
  setActing(false);
  await vi.waitFor(holds, WAIT);
  setActing(true);
}

function setActing(isActing: boolean): void {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = isActing;
}

async function turnOfTimers(): Promise<void> {
  await act(async () => new Promise((resolve) => setTimeout(resolve, 5)));
}

const publishTo = (server: BusServer) => async (data: unknown) =>
  act(async () => void (await server.bus.publish(data, { channel: "a" })));

test("a page continues from the server's value, and loses and repeats nothing between render and connection", async () => {
  const server = start();
  const publish = publishTo(server);
  await publish(1);
  const snapshot = await list.read(server.bus);
  const app = (
    <App server={server}>
      <Values snapshot={snapshot} />
    </App>
  );
  const place = document.createElement("div");
  place.innerHTML = renderToString(app);
  expect(place.textContent).toBe("idle 1");
  await publish(2);
  const mismatches: unknown[] = [];
  await act(async () => {
    roots.push(hydrateRoot(place, app, { onRecoverableError: (error) => mismatches.push(error) }));
  });
  await until(() => expect(place.textContent).toBe("open 1,2"));
  await publish(3);
  await until(() => expect(place.textContent).toBe("open 1,2,3"));
  expect(mismatches).toEqual([]);
  expect(server.requests).toBe(1);
});

test("StrictMode reduces each message once", async () => {
  const server = start();
  const { place } = await show(
    server,
    <StrictMode>
      <Values snapshot={await list.read(server.bus)} />
    </StrictMode>,
  );
  await until(() => expect(place.textContent).toBe("open "));
  await publishTo(server)(1);
  await until(() => expect(place.textContent).toBe("open 1"));
});

test("without a snapshot, the page folds what the log keeps, and shows it only as a whole", async () => {
  const server = start();
  const publish = publishTo(server);
  for (const data of [1, 2, 3]) await publish(data);
  const { place } = await show(server, <Values />);
  await until(() => expect(place.textContent).toBe("open 1,2,3"));
  await publish(4);
  await until(() => expect(place.textContent).toBe("open 1,2,3,4"));
  const values = new Set(shown.map((text) => text.split(" ")[1]));
  expect([...values]).toEqual(["", "1,2,3", "1,2,3,4"]);
  expect(shown.filter((text) => text === "open ")).toEqual([]);
});

describe("after a gap, the value is the fold of what the log keeps, as on the server,", () => {
  test("if messages were evicted while the page was offline", async () => {
    const server = start({ history: { maxMessages: 2 } });
    const publish = publishTo(server);
    await publish(1);
    const { place } = await show(server, <Values snapshot={await list.read(server.bus)} />);
    await until(() => expect(place.textContent).toBe("open 1"));
    server.answers.push(() => new Response(null, { status: 503, headers: { "retry-after": "1" } }));
    await act(async () => server.cut());
    await until(() => expect(server.answers).toHaveLength(0));
    for (const data of [2, 3, 4, 5]) await publish(data);
    await until(() => expect(place.textContent).toBe("open 4,5 evicted"));
    await publish(6);
    await until(() => expect(place.textContent).toBe("open 4,5,6 evicted"));
    // Neither counted up from nothing, nor added to a value that lacks something.
    const values = new Set(shown.map((text) => text.split(" ")[1]));
    expect([...values]).toEqual(["1", "4,5", "4,5,6"]);
    expect(
      (await defineLive({ ...list, initial: [] as readonly number[] }).read(server.bus)).value,
    ).toEqual([5, 6]);
  });

  test("if the log has restarted", async () => {
    const server = start();
    await publishTo(server)(1);
    const { place } = await show(server, <Values snapshot={await list.read(server.bus)} />);
    await until(() => expect(place.textContent).toBe("open 1"));
    await act(async () => server.restart());
    await publishTo(server)(7);
    await until(() => expect(place.textContent).toBe("open 7 restarted"));
    await publishTo(server)(8);
    await until(() => expect(place.textContent).toBe("open 7,8 restarted"));
    expect((await list.read(server.bus)).value).toEqual([7, 8]);
  });

  test("if the page was unmounted in between", async () => {
    const server = start({ history: { maxMessages: 1 } });
    const publish = publishTo(server);
    await publish(1);
    const snapshot = await list.read(server.bus);
    const { place, render } = await show(server, <Values snapshot={snapshot} />);
    await until(() => expect(place.textContent).toBe("open 1"));
    await render(<Values snapshot={snapshot} enabled={false} />);
    expect(place.textContent).toBe("idle 1");
    for (const data of [2, 3]) await publish(data);
    await render(<Values snapshot={snapshot} />);
    await until(() => expect(place.textContent).toBe("open 3 evicted"));
  });
});

test("a hook that is disabled keeps its value and continues from there", async () => {
  const server = start();
  const publish = publishTo(server);
  const snapshot = await list.read(server.bus);
  const { place, render } = await show(server, <Values snapshot={snapshot} />);
  await until(() => expect(place.textContent).toBe("open "));
  await render(<Values snapshot={snapshot} enabled={false} />);
  await publish(1);
  await render(<Values snapshot={snapshot} />);
  await until(() => expect(place.textContent).toBe("open 1"));
});

test("another channel starts from its own snapshot", async () => {
  const server = start();
  const other = defineLive({ ...list, channel: "b" });
  await publishTo(server)(1);
  await server.bus.publish(5, { channel: "b" });
  const { place, render } = await show(server, <Values snapshot={await list.read(server.bus)} />);
  await until(() => expect(place.textContent).toBe("open 1"));
  await render(<Values live={other} snapshot={await other.read(server.bus)} />);
  await until(() => expect(place.textContent).toBe("open 5"));
});

test("what `reduce` or `validate` refuse is skipped and reported, as on the server", async () => {
  const server = start({ onError: () => {} });
  const fragile = defineLive({
    ...list,
    validate: (data: unknown): data is number => typeof data === "number",
    reduce(value, data) {
      if (data === 2) throw new Error("two");
      return [...value, data];
    },
  });
  const { place } = await show(
    server,
    <Values live={fragile} snapshot={await fragile.read(server.bus)} />,
  );
  await until(() => expect(place.textContent).toBe("open "));
  for (const data of [1, 2, "3", 4]) await publishTo(server)(data);
  await until(() => expect(place.textContent).toBe("open 1,4"));
  expect((await fragile.read(server.bus)).value).toEqual([1, 4]);
  expect(errors).toMatchObject([{ code: "LISTENER_FAILED" }, { code: "LISTENER_FAILED" }]);
});

test("the ready-made reducers give the same values on the server and in the page", async () => {
  const server = start();
  const orders = defineLive({ channel: "orders/*", reduce: newestByKey("id") });
  const log = defineLive({ channel: "orders/*", event: "log", reduce: lastMessages(2) });
  const snapshots = [await orders.read(server.bus), await log.read(server.bus)] as const;
  const Both = () => (
    <p>{JSON.stringify([useLive(orders, snapshots[0]).data, useLive(log, snapshots[1]).data])}</p>
  );
  const { place } = await show(server, <Both />);
  for (const [index, id] of ["x", "y", "x"].entries()) {
    const options = { channel: `orders/${id}`, event: "log" };
    await act(async () => void (await server.bus.publish({ id, index }, options)));
  }
  const values = [(await orders.read(server.bus)).value, (await log.read(server.bus)).value];
  await until(() => expect(place.textContent).toBe(JSON.stringify(values)));
  expect(values).toMatchObject([{ x: { index: 2 } }, [{ data: { index: 1 } }, {}]]);
});

test("a refused channel is `failed` and keeps its value", async () => {
  const stream = createFakeStream();
  onTestFinished(() => stream.close());
  const { place } = await show(stream, <Values snapshot={{ value: [1], cursor: stream.cursor }} />);
  await act(async () => void (await stream.hello({ channels: [] })));
  await until(() => expect(place.textContent).toBe("failed 1"));
});

test("while a value is folded again, the page keeps the old one and is `connecting`", async () => {
  const stream = createFakeStream();
  onTestFinished(() => stream.close());
  const { place } = await show(stream, <Values snapshot={{ value: [1], cursor: stream.cursor }} />);
  await act(async () => void (await stream.hello()));
  await until(() => expect(place.textContent).toBe("open 1"));
  await act(async () => stream.gap());
  await act(async () => void (await stream.hello()));
  await act(async () => void (await stream.message(8, { channel: "a" })));
  await until(() => expect(place.textContent).toBe("connecting 1 evicted"));
  expect(stream.requests.map(({ from }) => from)).toContain("earliest");
  await act(async () => stream.ping());
  await until(() => expect(place.textContent).toMatch(/ 8 evicted$/));
});

test("a log that is larger than what a stream sends is folded from where the stream starts", async () => {
  const server = start({}, { maxReplayBytes: 1000 });
  const publish = publishTo(server);
  for (let data = 1; data <= 9; data++) await publish(data);
  const { place } = await show(server, <Values />);
  await until(() => expect(place.textContent).toMatch(/^open [2-9](,\d)*,9 evicted$/));
  await publish(10);
  await until(() => expect(place.textContent).toMatch(/^open [2-9](,\d)*,9,10 evicted$/));
  // One stream for what is kept, and the page's own.
  expect(server.requests).toBe(2);
});

test("a fold that a gap ends is never shown", async () => {
  const stream = createFakeStream();
  onTestFinished(() => stream.close());
  /** A fold has a stream of its own beside the page's, until it is complete. */
  const folds = () => stream.requests.filter(({ from }) => from === "earliest");
  const server: AppProps["server"] = {
    url: stream.url,
    async fetch(input, init) {
      const answer = stream.fetch(input, init);
      void stream.hello().catch(() => {});
      return answer;
    },
  };
  const { place } = await show(server, <Values />);
  await until(() => expect(stream.open).toBe(2));
  await act(async () => void (await stream.message(8, { channel: "a" })));
  // The ping arrives before the page folds again.
  await act(async () => {
    await Promise.all([stream.gap({ reason: "restarted" }), stream.ping()]);
  });
  await until(() => expect(folds()).toHaveLength(2));
  await until(() => expect(stream.open).toBeGreaterThan(1));
  await act(async () => void (await stream.message(9, { channel: "a" })));
  await act(async () => stream.ping());
  await until(() => expect(place.textContent).toBe("open 9 restarted"));
  expect(shown.filter((text) => text.includes("8"))).toEqual([]);
});

test("gaps that follow each other are folded less and less often", async () => {
  const stream = createFakeStream();
  onTestFinished(() => stream.close());
  const { place } = await show(stream, <Values snapshot={{ value: [1], cursor: stream.cursor }} />);
  await act(async () => void (await stream.hello()));
  await until(() => expect(place.textContent).toBe("open 1"));
  for (let n = 0; n < 30; n++) {
    await act(async () => stream.gap());
    await turnOfTimers();
  }
  expect(stream.requests.length).toBeLessThan(10);
});
