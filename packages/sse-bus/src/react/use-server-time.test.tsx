// @vitest-environment happy-dom
import { act, StrictMode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createSseClient } from "../client/client.ts";
import type { SseClient } from "../client/client-types.ts";
import { createFakeStream, type FakeStream } from "../testing/fake-stream.ts";
import { SseProvider, type ServerTimeOptions, useServerTime } from "./index.ts";

let roots: Root[] = [];
let stream: FakeStream;
let client: SseClient;

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  vi.setSystemTime(1_000_000);
  stream = createFakeStream();
  client = createSseClient({ url: stream.url, fetch: stream.fetch });
});

afterEach(async () => {
  await act(async () => roots.forEach((root) => root.unmount()));
  roots = [];
  client.close();
  stream.close();
  vi.useRealTimers();
});

function Time(options: ServerTimeOptions) {
  return `${useServerTime(options)}`;
}

async function show(element: React.ReactNode) {
  const place = document.createElement("div");
  const root = createRoot(place);
  roots.push(root);
  await act(async () => root.render(<SseProvider client={client}>{element}</SseProvider>));
  return { text: () => place.textContent };
}

const pass = (ms: number) => act(async () => void vi.advanceTimersByTime(ms));

async function connect(): Promise<void> {
  client.subscribe("a", () => {});
  await pass(1);
  await act(async () => void (await stream.hello()));
}

/** A heartbeat of a server whose clock has this time. */
async function ping(time: number): Promise<void> {
  await act(async () =>
    stream.write(`id: ${stream.cursor}\nevent: ping\ndata: ${JSON.stringify({ time })}\n\n`),
  );
}

test("shows the page's time without a stream, and renders at each full interval", async () => {
  vi.setSystemTime(1_000_400);
  const page = await show(<Time />);
  expect(page.text()).toBe("1000000");
  await pass(599);
  expect(page.text()).toBe("1000000");
  await pass(1);
  expect(page.text()).toBe("1001000");
  expect(stream.requests).toHaveLength(0);
});

test("shows the server's time once a heartbeat has come, and keeps it while the page's clock is set", async () => {
  const page = await show(<Time />);
  await connect();
  await ping(50_000_000);
  await pass(1_000);
  expect(page.text()).toBe("50001000");
  // The user sets the clock back by an hour.
  vi.setSystemTime(Date.now() - 3_600_000);
  await pass(1_000);
  expect(page.text()).toBe("50002000");
});

test("follows the fastest message of the last minutes, so that a late one has no effect, and corrects drift", async () => {
  const page = await show(<Time intervalMs={100} />);
  await connect();
  await ping(50_000_000);
  await pass(1_000);
  await ping(50_000_500); // Half a second late.
  await pass(100);
  expect(page.text()).toBe("50001100");
  // The page's clock is 1 s an hour too fast; from the next window on the new samples count.
  for (let n = 0; n < 6; n++) {
    await pass(30_000);
    await ping(50_001_100 + (n + 1) * 30_000 - 300);
  }
  await pass(100);
  expect(page.text()).toBe(`${50_001_100 + 6 * 30_000 - 300 + 100}`);
});

test("corrects itself immediately after the device has slept", async () => {
  const page = await show(<Time />);
  await connect();
  await ping(50_000_000);
  await pass(1_000);
  // The monotonic clock stopped.
  vi.setSystemTime(Date.now() + 3_600_000);
  await pass(1_000);
  expect(page.text()).toBe(`${50_002_000 + 3_600_000}`);
  await ping(50_002_000 + 3_600_000 + 4_000);
  await pass(1_000);
  expect(page.text()).toBe(`${50_007_000 + 3_600_000}`);
});

test("does not go back by an interval when the estimate changes a little", async () => {
  const page = await show(<Time />);
  await connect();
  await ping(50_000_000);
  await pass(1_000);
  expect(page.text()).toBe("50001000");
  for (let n = 0; n < 5; n++) {
    const before = Number(page.text());
    await pass(30_000);
    await ping(50_001_000 + (n + 1) * 30_000 - 20);
    expect(Number(page.text())).toBeGreaterThanOrEqual(before + 30_000);
  }
});

test("ignores a heartbeat without a time", async () => {
  const page = await show(<Time />);
  await connect();
  for (const data of ["{}", '{"time":"now"}', '{"time":null}', "null", "{"]) {
    await act(async () => stream.write(`id: ${stream.cursor}\nevent: ping\ndata: ${data}\n\n`));
  }
  await pass(1_000);
  expect(page.text()).toBe("1001000");
  expect(client.status).toBe("open");
});

test("renders `initial` on the server and while it hydrates, and nothing without it", async () => {
  const app = (
    <SseProvider client={client}>
      <Time initial={7_000} /> <Time />
    </SseProvider>
  );
  const place = document.createElement("div");
  place.innerHTML = renderToString(app);
  expect(place.textContent).toBe("7000 undefined");
  const mismatches: unknown[] = [];
  await act(async () => {
    roots.push(hydrateRoot(place, app, { onRecoverableError: (error) => mismatches.push(error) }));
  });
  expect(place.textContent).toBe("1000000 1000000");
  expect(mismatches).toEqual([]);
});

test("leaves no timer when it unmounts, also in StrictMode", async () => {
  await show(
    <StrictMode>
      <Time />
      <Time intervalMs={50} />
    </StrictMode>,
  );
  expect(vi.getTimerCount()).toBe(2);
  await act(async () => roots.forEach((root) => root.unmount()));
  roots = [];
  expect(vi.getTimerCount()).toBe(0);
});

test.each([0, -1, NaN])("renders at most every 16 ms: intervalMs %s", async (intervalMs) => {
  const page = await show(<Time intervalMs={intervalMs} />);
  expect(Number(page.text()) % 16).toBe(0);
  expect(vi.getTimerCount()).toBe(1);
});
