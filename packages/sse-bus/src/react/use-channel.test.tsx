// @vitest-environment happy-dom
import { act, StrictMode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SseClient, SseConnection, SseSubscribeOptions } from "../client/client-types.ts";
import type { Gap } from "../core/packet.ts";
import { SseProvider, useChannel, useSseStatus } from "./index.ts";

/** A fake client: it records what the hooks subscribe to, and tests send what they receive. */
function driveClient() {
  type Listener = (data: unknown, message: unknown) => void;
  const subscriptions = new Set<{
    channel: string;
    listener: Listener;
    options: SseSubscribeOptions;
  }>();
  const asked: { channel: string; cursor: string | undefined; event: string | undefined }[] = [];
  const watchers = new Set<() => void>();
  let connection: SseConnection = { status: "idle" };
  let reached = 0;
  const client = {
    subscribe(channel: string, listener: Listener, options: SseSubscribeOptions = {}) {
      const one = { channel, listener, options };
      subscriptions.add(one);
      asked.push({ channel, cursor: options.cursor, event: options.event });
      options.onStatus?.(connection);
      return () => {
        subscriptions.delete(one);
        return reached === 0 ? "" : `cursor-${reached}`;
      };
    },
    getStatus: () => connection,
    subscribeStatus(listener: () => void) {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },
  };
  return {
    client: client as unknown as SseClient,
    subscriptions,
    asked,
    send(data: unknown) {
      reached++;
      for (const { listener } of subscriptions) listener(data, { event: "message", data });
    },
    tell(next: SseConnection) {
      connection = next;
      for (const watcher of watchers) watcher();
      for (const { options } of subscriptions) options.onStatus?.(next);
    },
    lose(gap: Gap) {
      for (const { options } of subscriptions) options.onGap?.(gap);
    },
  };
}

type Driver = ReturnType<typeof driveClient>;

let roots: Root[] = [];
let driver: Driver;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame"],
  });
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  driver = driveClient();
});

afterEach(async () => {
  await act(async () => roots.forEach((root) => root.unmount()));
  roots = [];
  vi.useRealTimers();
});

async function show(element: React.ReactNode, options: { strict?: boolean } = {}) {
  const place = document.createElement("div");
  const root = createRoot(place);
  roots.push(root);
  const wrap = (child: React.ReactNode) => {
    const provided = <SseProvider client={driver.client}>{child}</SseProvider>;
    return options.strict ? <StrictMode>{provided}</StrictMode> : provided;
  };
  await act(async () => root.render(wrap(element)));
  return {
    text: () => place.textContent,
    rerender: (child: React.ReactNode) => act(async () => root.render(wrap(child))),
  };
}

const frame = () => act(async () => void vi.advanceTimersByTime(300));

test("renders initial first, then the newest message, with the status of the connection", async () => {
  function Value() {
    const { status, data } = useChannel("a", { initial: "before", cursor: "c0" });
    return `${status} ${data}`;
  }
  const page = await show(<Value />);
  expect(page.text()).toBe("idle before");
  expect(driver.asked).toEqual([{ channel: "a", cursor: "c0", event: undefined }]);
  driver.tell({ status: "open" });
  driver.send("after");
  await frame();
  expect(page.text()).toBe("open after");
});

test("a burst of 1,000 messages renders once a frame, and onMessage gets each", async () => {
  let renders = 0;
  const heard: unknown[] = [];
  function Value() {
    renders++;
    return `${useChannel("a", { onMessage: (data) => heard.push(data) }).data}`;
  }
  const page = await show(<Value />);
  const before = renders;
  for (let n = 1; n <= 1000; n++) driver.send(n);
  await frame();
  expect(page.text()).toBe("1000");
  expect(renders - before).toBe(1);
  expect(heard).toHaveLength(1000);
});

test("keep returns the last values, select maps each message, reduce builds a state", async () => {
  const add = (sum: number, n: number) => sum + n;
  function Values() {
    const kept = useChannel("a", { keep: 2, select: (n: number) => n * 10 }).data;
    const sum = useChannel("a", { initial: 100, reduce: add }).data;
    return `${kept.join()} ${sum}`;
  }
  const page = await show(<Values />);
  expect(page.text()).toBe(" 100");
  for (const n of [1, 2, 3]) driver.send(n);
  await frame();
  expect(page.text()).toBe("20,30 106");
});

test("StrictMode's second mount resumes from the cursor of the first, on one subscription", async () => {
  function Value() {
    return `${useChannel("a", { cursor: "c0" }).data}`;
  }
  await show(<Value />, { strict: true });
  expect(driver.subscriptions.size).toBe(1);
  expect(driver.asked.map(({ cursor }) => cursor)).toEqual(["c0", "c0"]);
});

test("enabled: false ends the subscription, and true resumes it", async () => {
  function Value({ enabled }: { enabled: boolean }) {
    const { status, data } = useChannel("a", { enabled });
    return `${status} ${data}`;
  }
  const page = await show(<Value enabled />);
  driver.tell({ status: "open" });
  driver.send(1);
  await frame();
  await page.rerender(<Value enabled={false} />);
  expect(driver.subscriptions.size).toBe(0);
  expect(page.text()).toBe("idle 1");
  await page.rerender(<Value enabled />);
  expect(driver.asked.at(-1)?.cursor).toBe("cursor-1");
  expect(page.text()).toBe("open 1");
});

test("another channel or event subscribes again; other callbacks do not", async () => {
  function Value({ channel, factor }: { channel: string; factor: number }) {
    const { data } = useChannel(channel, { initial: 0, select: (n: number) => n * factor });
    return String(data);
  }
  const page = await show(<Value channel="a" factor={1} />);
  await page.rerender(<Value channel="a" factor={10} />);
  driver.send(2);
  await frame();
  expect(page.text()).toBe("20");
  expect(driver.asked).toHaveLength(1);
  await page.rerender(<Value channel="b" factor={10} />);
  expect(page.text()).toBe("0");
  expect(driver.asked.map(({ channel }) => channel)).toEqual(["a", "b"]);
  expect(driver.subscriptions.size).toBe(1);
});

test("a gap is reported and shown, and a refusal has its error", async () => {
  const gaps: Gap[] = [];
  function Value() {
    const result = useChannel("a", { onGap: (gap) => gaps.push(gap) });
    return result.status === "failed" ? result.error.message : (result.gap?.reason ?? "none");
  }
  const page = await show(<Value />);
  driver.lose({ channels: ["a"], reason: "evicted" });
  await frame();
  expect(page.text()).toBe("evicted");
  expect(gaps).toHaveLength(1);
  driver.tell({ status: "failed", error: new Error("403") as never });
  await frame();
  expect(page.text()).toBe("403");
});

test("useSseStatus follows the connection", async () => {
  function Status() {
    return useSseStatus().status;
  }
  const page = await show(<Status />);
  await act(async () => driver.tell({ status: "reconnecting" }));
  expect(page.text()).toBe("reconnecting");
});

test("the server renders initial and does not connect; hydration matches in any status", async () => {
  function Value() {
    const { status, data } = useChannel("a", { initial: "rendered" });
    return <p>{`${status} ${data}`}</p>;
  }
  const app = (
    <SseProvider client={driver.client}>
      <Value />
    </SseProvider>
  );
  const html = renderToString(app);
  expect(html).toBe("<p>idle rendered</p>");
  expect(driver.asked).toHaveLength(0);
  driver.tell({ status: "open" });
  const place = document.createElement("div");
  place.innerHTML = html;
  const mismatches: unknown[] = [];
  await act(async () => {
    roots.push(hydrateRoot(place, app, { onRecoverableError: (error) => mismatches.push(error) }));
  });
  expect(mismatches).toEqual([]);
  expect(place.textContent).toBe("open rendered");
});

test("a hidden page renders messages less often, and is current when it is shown", async () => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  function Value() {
    return `${useChannel("a").data}`;
  }
  const page = await show(<Value />);
  driver.send("unseen");
  await frame();
  expect(page.text()).toBe("unseen");
  vi.restoreAllMocks();
});
