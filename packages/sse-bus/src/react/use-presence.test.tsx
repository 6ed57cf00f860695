// @vitest-environment happy-dom
import { act, StrictMode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createSseClient } from "../client/client.ts";
import type { SseClient } from "../client/client-types.ts";
import { createFakeStream, type FakeStream } from "../testing/fake-stream.ts";
import { SseProvider, type UsePresenceOptions, usePresence } from "./index.ts";

const WAIT = { timeout: 5_000, interval: 5 };
const ann = { i: "i1", id: "ann", n: 1, at: 1 };
const bob = { i: "i1", id: "bob", n: 1, at: 2 };

let roots: Root[] = [];
let stream: FakeStream;
let client: SseClient;

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  stream = createFakeStream();
  client = createSseClient({ url: stream.url, fetch: stream.fetch, onError: () => {} });
});

afterEach(async () => {
  await act(async () => roots.forEach((root) => root.unmount()));
  roots = [];
  client.close();
  stream.close();
});

function Members({ channel = "c", ...options }: UsePresenceOptions & { channel?: string }) {
  const { status, members, self } = usePresence(channel, options);
  const names = members.map(({ id, state }) => id + (state ? JSON.stringify(state) : ""));
  return `${status} ${names.join()} ${self?.id ?? "-"}`;
}

async function show(element: React.ReactNode) {
  const place = document.createElement("div");
  const root = createRoot(place);
  roots.push(root);
  const render = (child: React.ReactNode) =>
    act(async () => root.render(<SseProvider client={client}>{child}</SseProvider>));
  await render(element);
  return { text: () => place.textContent, render, root };
}

/** Opens the stream that waits, with these members. */
async function open(...members: object[]): Promise<void> {
  await stream.hello();
  await set(members);
}

function set(members: readonly object[], channel = "c"): Promise<void> {
  const data = { type: "members", channel, at: stream.cursor, members, part: 1, of: 1 };
  return stream.write(`event: presence\ndata: ${JSON.stringify(data)}\n\n`);
}

let sent = 1_000;

function live(data: object): Promise<void> {
  const id = stream.cursor.replace(/^[^-]+/, (++sent).toString(36));
  return stream.write(`id: ${id}@~presence/c\nevent: presence\ndata: ${JSON.stringify(data)}\n\n`);
}

/** React 18 renders only at the end of `act`. */
async function shows(page: { text: () => string | null }, text: string): Promise<void> {
  await vi.waitFor(async () => {
    await act(async () => new Promise((resolve) => setTimeout(resolve, 20)));
    expect(page.text()).toBe(text);
  }, WAIT);
}

test("renders the members, and each change of them", async () => {
  const page = await show(<Members />);
  expect(page.text()).toBe("connecting  -");
  await open(ann);
  await shows(page, "open ann -");
  await live({ type: "join", ...bob });
  await shows(page, "open ann,bob -");
  await live({ type: "update", ...bob, state: 1, at: 3 });
  await shows(page, "open ann,bob1 -");
  await live({ type: "leave", i: "i1", id: "ann" });
  await shows(page, "open bob1 -");
  expect(new URL(stream.requests[0]?.url ?? "").search).toBe("?channel=c&presence=c");
});

test("renders a burst of changes once a frame", async () => {
  let renders = 0;
  function Count() {
    renders++;
    return `${usePresence("c").members.length}`;
  }
  const page = await show(<Count />);
  await open();
  await shows(page, "0");
  await act(async () => new Promise((resolve) => setTimeout(resolve, 300)));
  const before = renders;
  await act(async () => {
    for (let n = 0; n < 200; n++) await live({ type: "join", ...ann, id: `m${n}` });
  });
  await shows(page, "200");
  expect(renders - before).toBeLessThan(20);
});

test("keeps the members from the loss of the stream until a restarted server sends its own", async () => {
  const shown: string[] = [];
  function Recorded() {
    const { status, members } = usePresence("c");
    const text = `${status} ${members.map(({ id }) => id).join()}`;
    if (shown.at(-1) !== text) shown.push(text);
    return text;
  }
  const page = await show(<Recorded />);
  await open(ann, bob);
  await shows(page, "open ann,bob");
  await act(async () => stream.cut());
  await shows(page, "reconnecting ann,bob");
  const cursor = `1-${"f".repeat(16)}`;
  await stream.hello({ cursor, head: cursor, resumed: false });
  await shows(page, "open ann,bob");
  const data = { type: "members", channel: "c", at: cursor, members: [bob], part: 1, of: 1 };
  await stream.write(`event: presence\ndata: ${JSON.stringify(data)}\n\n`);
  await shows(page, "open bob");
  const before = ["idle ", "connecting ", "open ann,bob"];
  const after = ["reconnecting ann,bob", "open ann,bob", "open bob"];
  expect(shown).toEqual([...before, ...after]);
});

test("in StrictMode makes one request, and the last unmount leaves nothing open", async () => {
  const page = await show(
    <StrictMode>
      <Members />
      <Members />
    </StrictMode>,
  );
  await open(ann);
  await shows(page, "open ann -open ann -");
  expect(stream.requests).toHaveLength(1);
  await act(async () => page.root.unmount());
  await vi.waitFor(() => expect(stream.open).toBe(0), WAIT);
  expect(client.status).toBe("idle");
});

test("leaves the channel while it is not enabled", async () => {
  const page = await show(<Members enabled={false} />);
  expect(page.text()).toBe("idle  -");
  expect(stream.requests).toHaveLength(0);
  await page.render(<Members />);
  await open(ann);
  await shows(page, "open ann -");
  await page.render(<Members enabled={false} />);
  expect(page.text()).toBe("idle  -");
  await vi.waitFor(() => expect(stream.open).toBe(0), WAIT);
});

test("follows another channel when its name changes", async () => {
  const page = await show(<Members channel="a" />);
  await stream.hello();
  await set([ann], "a");
  await shows(page, "open ann -");
  await page.render(<Members channel="c" />);
  await stream.hello();
  await set([bob]);
  await shows(page, "open bob -");
});

test("with an invalid channel is failed, and the page stays", async () => {
  const page = await show(<Members channel="a b" />);
  expect(page.text()).toBe("failed  -");
});

test("returns the same setState at every render, and it sends the state", async () => {
  const posted: unknown[] = [];
  const own = createSseClient({
    url: stream.url,
    fetch: async (input, init) => {
      if (init?.method !== "POST") return stream.fetch(input, init);
      posted.push((input as URL).href, JSON.parse(init.body as string));
      return new Response(null, { status: 202 });
    },
  });
  client.close();
  client = own;
  const functions = new Set<unknown>();
  function Typing() {
    const { status, setState } = usePresence<unknown, { typing: boolean }>("c");
    functions.add(setState);
    return (
      <button type="button" onClick={() => setState({ typing: true })}>
        {status}
      </button>
    );
  }
  const page = await show(<Typing />);
  await stream.hello();
  const data = { type: "members", channel: "c", at: stream.cursor, members: [], part: 1, of: 1 };
  await stream.write(`event: presence\ndata: ${JSON.stringify(data)}\n\n`);
  await shows(page, "open");
  await act(async () => {
    for (const set of functions) (set as (state: unknown) => void)({ typing: true });
  });
  await vi.waitFor(() => expect(posted).toHaveLength(2), WAIT);
  expect(posted).toEqual([
    "http://sse.test/api/presence",
    { connection: "fake-1", channel: "c", state: { typing: true } },
  ]);
  expect(functions.size).toBe(1);
});

test("renders `initial` on the server and until the members arrive, without a hydration error", async () => {
  const initial = [{ id: "ann", count: 1 }];
  const app = (
    <SseProvider client={client}>
      <Members initial={initial} />
    </SseProvider>
  );
  const place = document.createElement("div");
  place.innerHTML = renderToString(app);
  expect(place.textContent).toBe("idle ann -");
  expect(stream.requests).toHaveLength(0);
  const mismatches: unknown[] = [];
  await act(async () => {
    roots.push(hydrateRoot(place, app, { onRecoverableError: (error) => mismatches.push(error) }));
  });
  expect(place.textContent).toBe("connecting ann -");
  await open(bob);
  await shows({ text: () => place.textContent }, "open bob -");
  expect(mismatches).toEqual([]);
});
