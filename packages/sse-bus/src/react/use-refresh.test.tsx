// @vitest-environment happy-dom
import { act, Fragment, startTransition, StrictMode, Suspense, useEffect, useState } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSseClient } from "../client/client.ts";
import type { SseClient } from "../client/client-types.ts";
import { createFakeStream, type FakeStream } from "../testing/fake-stream.ts";
import { type RefreshOptions, SseProvider, useRefresh } from "./index.ts";
import { MAX_REFRESH_MS } from "./refresher.ts";

let roots: Root[] = [];
let stream: FakeStream;
let client: SseClient;
let errors: Error[];

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  stream = createFakeStream();
  errors = [];
  client = createSseClient({
    url: stream.url,
    fetch: stream.fetch,
    onError: (error) => errors.push(error),
    backoff: { baseMs: 0 },
  });
});

afterEach(async () => {
  setVisible(true);
  await act(async () => roots.forEach((root) => root.unmount()));
  roots = [];
  client.close();
  stream.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Refresh = () => unknown;

function Page({
  channel = "a",
  refresh,
  ...options
}: RefreshOptions & { channel?: string; refresh: Refresh }) {
  useRefresh(channel, refresh, options);
  return null;
}

async function show(element: React.ReactNode, Mode: React.ElementType = Fragment) {
  const place = document.createElement("div");
  const root = createRoot(place);
  roots.push(root);
  const render = (child: React.ReactNode) =>
    act(async () =>
      root.render(
        <Mode>
          <SseProvider client={client}>{child}</SseProvider>
        </Mode>,
      ),
    );
  await render(element);
  return { render, root, text: () => place.textContent };
}

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
const open = () => settle(() => stream.hello());

/** Does something with the stream, and lets the turn end in which it arrives. */
async function settle(run: () => unknown): Promise<void> {
  await act(async () => void (await Promise.all([run(), vi.advanceTimersByTimeAsync(5)])));
}

const send = (channel = "a", event = "message") =>
  settle(() => stream.message(1, { channel, event }));

function setVisible(isVisible: boolean): void {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(isVisible ? "visible" : "hidden");
  document.dispatchEvent(new Event("visibilitychange"));
}

test("without a cursor, refreshes once when the stream opens, and not when it is resumed", async () => {
  const refresh = vi.fn();
  await show(<Page refresh={refresh} />);
  expect(refresh).toHaveBeenCalledTimes(0);
  await open();
  expect(refresh).toHaveBeenCalledTimes(1);
  await pass(1_000);
  await settle(() => stream.cut());
  await open();
  await pass(1_000);
  expect(stream.requests).toHaveLength(2);
  expect(refresh).toHaveBeenCalledTimes(1);
});

test("with a cursor, starts there, and refreshes after messages only, without arguments", async () => {
  const refresh = vi.fn();
  const { cursor } = stream;
  await show(<Page refresh={refresh} cursor={cursor} />);
  await open();
  await pass(10_000);
  expect(stream.requests[0]?.from).toBe(cursor);
  expect(refresh).toHaveBeenCalledTimes(0);
  await send();
  expect(refresh.mock.calls).toEqual([[]]);
});

test("refreshes at once, then once more for all messages of the next second", async () => {
  const refresh = vi.fn();
  await show(<Page refresh={refresh} cursor={stream.cursor} />);
  await open();
  for (let n = 0; n < 10; n++) await send();
  expect(refresh).toHaveBeenCalledTimes(1);
  await pass(1_000);
  expect(refresh).toHaveBeenCalledTimes(2);
  await pass(60_000);
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("uses the newest refresh and windowMs", async () => {
  const [first, second] = [vi.fn(), vi.fn()];
  const { cursor } = stream;
  const page = await show(<Page refresh={first} cursor={cursor} />);
  await open();
  await page.render(<Page refresh={second} cursor={cursor} windowMs={100} />);
  expect(stream.requests).toHaveLength(1);
  await send();
  await send();
  await pass(100);
  expect([first, second].map(({ mock }) => mock.calls.length)).toEqual([0, 2]);
});

test("refreshes after a gap, and after a reconnect that is not complete", async () => {
  const refresh = vi.fn();
  await show(<Page refresh={refresh} cursor={stream.cursor} />);
  await open();
  await settle(() => stream.gap());
  expect(refresh).toHaveBeenCalledTimes(1);
  await pass(1_000);
  await settle(() => stream.cut());
  const other = `1-1-${"f".repeat(16)}`;
  await settle(() => stream.hello({ cursor: other, head: other, resumed: false }));
  await settle(() => stream.gap({ reason: "restarted" }));
  await pass(1_000);
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("refreshes only after events of the given name, and of covered channels", async () => {
  const refresh = vi.fn();
  await show(<Page channel="a/*" event="paid" refresh={refresh} cursor={stream.cursor} />);
  await open();
  await send("a/1", "shipped");
  await pass(1_000);
  expect(refresh).toHaveBeenCalledTimes(0);
  await send("a/1", "paid");
  expect(refresh).toHaveBeenCalledTimes(1);
});

test("messages during a slow refresh cause one more after it", async () => {
  let finish = (): void => {};
  const refresh = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  await show(<Page refresh={refresh} cursor={stream.cursor} />);
  await open();
  await send();
  await pass(5_000);
  for (let n = 0; n < 3; n++) await send();
  await pass(5_000);
  expect(refresh).toHaveBeenCalledTimes(1);
  await act(async () => finish());
  await pass(0);
  expect(refresh).toHaveBeenCalledTimes(2);
  await act(async () => finish());
  await pass(60_000);
  expect(refresh).toHaveBeenCalledTimes(2);
});

/** What `router.refresh` does: starts a transition that React shows when the server has answered. */
function createRouter() {
  let answer = (): void => {};
  let rerender = (): void => {};
  let waiting: Promise<void> | undefined;
  function Server() {
    const [wanted, setWanted] = useState(0);
    useEffect(() => {
      rerender = () => setWanted((n) => n + 1);
    }, []);
    // oxlint-disable-next-line typescript/only-throw-error -- how React 18 suspends
    if (waiting && wanted > 0) throw waiting;
    return `render ${wanted}`;
  }
  const refresh = vi.fn(() => {
    waiting = new Promise((resolve) => {
      answer = () => {
        waiting = undefined;
        resolve();
      };
    });
    startTransition(() => rerender());
  });
  return { Server, refresh, answer: () => act(async () => answer()) };
}

test("a refresh that returns nothing lasts until React shows what it has rendered", async () => {
  const { Server, refresh, answer } = createRouter();
  const page = await show(
    <Suspense fallback="never">
      <Server />
      <Page refresh={refresh} cursor={stream.cursor} />
    </Suspense>,
  );
  await open();
  await send();
  for (let n = 0; n < 5; n++) {
    await send();
    await pass(2_000);
  }
  // A slow server does not get one request after another.
  expect(refresh).toHaveBeenCalledTimes(1);
  expect(page.text()).toBe("render 0");
  await answer();
  expect(page.text()).toBe("render 1");
  await pass(0);
  expect(refresh).toHaveBeenCalledTimes(2);
  await answer();
  expect(page.text()).toBe("render 2");
  await pass(60_000);
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("a transition that is never shown holds up the next refresh for a limited time", async () => {
  const { Server, refresh, answer } = createRouter();
  await show(
    <Suspense fallback="never">
      <Server />
      <Page refresh={refresh} cursor={stream.cursor} />
    </Suspense>,
  );
  await open();
  await send();
  await send();
  await pass(MAX_REFRESH_MS);
  expect(refresh).toHaveBeenCalledTimes(2);
  await answer();
});

test.each([
  [
    "throws",
    () => {
      throw new Error("no network");
    },
  ],
  [
    "rejects",
    async () => {
      throw new Error("no network");
    },
  ],
])(
  "a refresh that %s is reported, the page stays, and the next message refreshes",
  async (_, fails) => {
    const refresh = vi.fn<Refresh>(fails);
    const page = await show(
      <>
        <p>page</p>
        <Page refresh={refresh} cursor={stream.cursor} />
      </>,
    );
    await open();
    await send();
    await pass(1_000);
    expect(errors).toMatchObject([
      {
        code: "LISTENER_FAILED",
        message: expect.stringContaining("no network"),
        cause: { message: "no network" },
      },
    ]);
    expect(page.text()).toBe("page");
    await send();
    expect(refresh).toHaveBeenCalledTimes(2);
  },
);

test("a refresh that has failed is repeated when the stream is resumed", async () => {
  let isOffline = true;
  const refresh = vi.fn(async () => {
    if (isOffline) throw new Error("no network");
  });
  await show(<Page refresh={refresh} cursor={stream.cursor} />);
  await open();
  await send();
  await settle(() => stream.cut());
  await pass(60_000);
  expect(refresh).toHaveBeenCalledTimes(1);
  isOffline = false;
  await open();
  await pass(60_000);
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("a refresh that is due when the stream is lost waits until it is resumed", async () => {
  const refresh = vi.fn();
  await show(<Page refresh={refresh} cursor={stream.cursor} />);
  await open();
  await send();
  await send();
  await settle(() => stream.bye("drain", 60_000));
  setVisible(false);
  setVisible(true);
  await pass(10_000);
  expect(refresh).toHaveBeenCalledTimes(1);
  await pass(60_000);
  await open();
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("a hidden page waits until it is shown, unless it must not", async () => {
  const [waits, goesOn] = [vi.fn(), vi.fn()];
  const { cursor } = stream;
  await show(
    <>
      <Page refresh={waits} cursor={cursor} />
      <Page refresh={goesOn} cursor={cursor} whenHidden />
    </>,
  );
  await open();
  setVisible(false);
  for (let n = 0; n < 5; n++) {
    await send();
    await pass(2_000);
  }
  expect([waits, goesOn].map(({ mock }) => mock.calls.length)).toEqual([0, 5]);
  setVisible(true);
  await pass(60_000);
  expect([waits, goesOn].map(({ mock }) => mock.calls.length)).toEqual([1, 5]);
});

test("in StrictMode makes one request and one call for a message", async () => {
  const refresh = vi.fn();
  await show(<Page refresh={refresh} cursor={stream.cursor} />, StrictMode);
  await open();
  await send();
  await pass(60_000);
  expect(stream.requests).toHaveLength(1);
  expect(refresh).toHaveBeenCalledTimes(1);
});

test("after it is unmounted nothing is called, and nothing is left", async () => {
  const add = vi.spyOn(document, "addEventListener");
  const remove = vi.spyOn(document, "removeEventListener");
  const refresh = vi.fn(() => new Promise(() => {}));
  const page = await show(<Page refresh={refresh} cursor={stream.cursor} />, StrictMode);
  await open();
  await send();
  await send();
  await act(async () => page.root.unmount());
  setVisible(true);
  await pass(60_000);
  expect(refresh).toHaveBeenCalledTimes(1);
  expect(stream.open).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  const count = (spy: typeof add | typeof remove) =>
    spy.mock.calls.filter(([type]) => type === "visibilitychange").length;
  expect(count(add)).toBe(2);
  expect(count(remove)).toBe(2);
});

test("while it is not enabled nothing is called; then it continues, with what came in between", async () => {
  const refresh = vi.fn();
  const { cursor } = stream;
  const page = await show(<Page refresh={refresh} cursor={cursor} enabled={false} />);
  await pass(10_000);
  expect(stream.requests).toHaveLength(0);
  await page.render(<Page refresh={refresh} cursor={cursor} />);
  await open();
  await send();
  await pass(1_000);
  await page.render(<Page refresh={refresh} cursor={cursor} enabled={false} />);
  await pass(10_000);
  expect([stream.open, refresh.mock.calls.length]).toEqual([0, 1]);
  await page.render(<Page refresh={refresh} cursor={cursor} />);
  await open();
  const from = stream.requests.at(-1)?.from;
  expect(from).not.toBe(cursor);
  expect(from).toMatch(/-/);
  await pass(1_000);
  expect(refresh).toHaveBeenCalledTimes(1);
  await send();
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("a refresh that is due when the hook is disabled starts when it is enabled", async () => {
  const refresh = vi.fn();
  const { cursor } = stream;
  const page = await show(<Page refresh={refresh} cursor={cursor} />);
  await open();
  await send();
  await send();
  await page.render(<Page refresh={refresh} cursor={cursor} enabled={false} />);
  await pass(10_000);
  expect(refresh).toHaveBeenCalledTimes(1);
  await page.render(<Page refresh={refresh} cursor={cursor} />);
  await open();
  expect(refresh).toHaveBeenCalledTimes(2);
});

test("follows another channel when its name changes", async () => {
  const refresh = vi.fn();
  const page = await show(<Page channel="a" refresh={refresh} cursor={stream.cursor} />);
  await open();
  await page.render(<Page channel="b" refresh={refresh} cursor={stream.cursor} />);
  await pass(10);
  await open();
  await send("b");
  await pass(1_000);
  expect(refresh).toHaveBeenCalledTimes(1);
  expect(stream.requests.at(-1)?.channels).toContain("b");
});

test("with an invalid channel it is reported, and the page stays", async () => {
  const page = await show(
    <>
      <p>page</p>
      <Page channel="a b" refresh={() => {}} />
    </>,
  );
  expect(page.text()).toBe("page");
  expect(errors).toMatchObject([{ code: "INVALID_CHANNEL" }]);
});

test("on the server nothing is called", () => {
  const refresh = vi.fn();
  expect(
    renderToString(
      <SseProvider client={client}>
        <Page refresh={refresh} />
      </SseProvider>,
    ),
  ).toBe("");
  expect(refresh).toHaveBeenCalledTimes(0);
  expect(stream.requests).toHaveLength(0);
});
