// @vitest-environment happy-dom
import { act, startTransition, StrictMode, Suspense, useEffect, useState, version } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  roots,
  settle,
  show as render,
  unmountAll,
  until,
  WAIT,
} from "../../test/support/react-page.tsx";
import { encodeChannelSegment } from "../core/channel-segment.ts";
import { createFakeStream } from "../testing/fake-stream.ts";
import { createTestBus, type TestBus } from "../testing/test-bus.ts";
import { SseProvider, useChannel, useSse, useSseStatus } from "./index.ts";

// The hooks, the client, the route and the bus together, without mocks.

let server: TestBus;

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  server = createTestBus();
});

afterEach(async () => {
  await unmountAll();
  await server.close();
});

function App({ children }: { readonly children: React.ReactNode }) {
  return (
    <SseProvider url={server.url} fetch={server.fetch} backoff={{ baseMs: 0 }}>
      {children}
    </SseProvider>
  );
}

const show = async (children: React.ReactNode): Promise<HTMLElement> =>
  render(<App>{children}</App>);

function Values({ channel = "a", cursor }: { channel?: string; cursor?: string | undefined }) {
  const { data, status } = useChannel(channel, { keep: 100, cursor });
  return <p>{`${status} ${data.join()}`}</p>;
}

test("runs on the expected version of React", () => {
  expect(version.split(".")[0]).toBe(process.env.REACT_MAJOR ?? "19");
});

test("messages between the server's render and hydration are shown, once and in order", async () => {
  const publish = async (data: string) => server.bus.publish(data, { channel: "a" });
  await publish("before");
  const cursor = await server.bus.cursor();
  const app = (
    <App>
      <Values cursor={cursor} />
    </App>
  );
  const place = document.createElement("div");
  place.innerHTML = renderToString(app);
  expect(place.textContent).toBe("idle ");
  await publish("between");
  const mismatches: unknown[] = [];
  await act(async () => {
    roots.push(hydrateRoot(place, app, { onRecoverableError: (error) => mismatches.push(error) }));
  });
  await until(() => expect(place.textContent).toBe("open between"));
  await publish("after");
  await until(() => expect(place.textContent).toBe("open between,after"));
  expect(mismatches).toEqual([]);
});

test("StrictMode connects once, and shows each message once", async () => {
  const place = await show(
    <StrictMode>
      <Values />
      <Values channel="b" />
    </StrictMode>,
  );
  await until(() => expect(place.textContent).toBe("open open "));
  expect(server.requests).toBe(1);
  await server.bus.publish(1, { channel: "a" });
  await server.bus.publish(2, { channel: "b" });
  await until(() => expect(place.textContent).toBe("open 1open 2"));
});

test("a component that suspends before it mounts gets every message after its cursor", async () => {
  const cursor = await server.bus.cursor();
  let load = (): void => {};
  let isLoaded = false;
  const loading = new Promise<void>((resolve) => {
    load = () => {
      isLoaded = true;
      resolve();
    };
  });
  function Late() {
    // oxlint-disable-next-line typescript/only-throw-error -- how React 18 suspends
    if (!isLoaded) throw loading;
    return <Values cursor={cursor} />;
  }
  const place = await show(
    <Suspense fallback={<p>loading</p>}>
      <Late />
    </Suspense>,
  );
  expect(place.textContent).toBe("loading");
  expect(server.requests).toBe(0);
  await server.bus.publish("published while it loads", { channel: "a" });
  await act(async () => load());
  await until(() => expect(place.textContent).toBe("open published while it loads"));
});

test("a component that Suspense hides later has all messages when it is shown again", async () => {
  let suspend = (): void => {};
  let load = (): void => {};
  let loading: Promise<void> | undefined;
  function Sibling() {
    const [, setState] = useState(0);
    useEffect(() => {
      suspend = () => {
        loading = new Promise((resolve) => {
          load = () => {
            loading = undefined;
            resolve();
          };
        });
        setState((n) => n + 1);
      };
    }, []);
    // oxlint-disable-next-line typescript/only-throw-error -- how React 18 suspends
    if (loading) throw loading;
    return null;
  }
  const place = await show(
    <Suspense fallback={<i>loading</i>}>
      <Values />
      <Sibling />
    </Suspense>,
  );
  await until(() => expect(place.textContent).toBe("open "));
  await act(async () => suspend());
  expect(place.querySelector("i")?.textContent).toBe("loading");
  await server.bus.publish("hidden", { channel: "a" });
  await act(async () => load());
  await until(() => expect(place.textContent).toBe("open hidden"));
  expect(place.querySelector("i")).toBeNull();
});

test("all hooks show the same state while a transition renders", async () => {
  let change = (): void => {};
  let load = (): void => {};
  let isLoaded = false;
  const loading = new Promise<void>((resolve) => {
    load = () => {
      isLoaded = true;
      resolve();
    };
  });
  function Slow() {
    // oxlint-disable-next-line typescript/only-throw-error -- how React 18 suspends
    if (!isLoaded) throw loading;
    return <b>there</b>;
  }
  function Page() {
    const [isNew, setNew] = useState(false);
    useEffect(() => {
      change = () => startTransition(() => setNew(true));
    }, []);
    return (
      <Suspense fallback="never">
        <Values />
        <Values />
        {isNew && <Slow />}
      </Suspense>
    );
  }
  const place = await show(<Page />);
  await until(() => expect(place.textContent).toBe("open open "));
  await act(async () => change());
  // React shows the old page until the new one is there; both hooks of it are live.
  await server.bus.publish(1, { channel: "a" });
  await until(() => expect(place.textContent).toBe("open 1open 1"));
  await act(async () => load());
  await server.bus.publish(2, { channel: "a" });
  await until(() => expect(place.textContent).toBe("open 1,2open 1,2there"));
  expect(server.requests).toBe(1);
});

test("a hook and the page's status report a lost stream, until it is resumed", async () => {
  const stream = createFakeStream();
  function Status() {
    return <i>{useSseStatus().status}</i>;
  }
  const place = document.createElement("div");
  const root = createRoot(place);
  roots.push(root);
  await act(async () =>
    root.render(
      <SseProvider url={stream.url} fetch={stream.fetch} backoff={{ baseMs: 0 }}>
        <Values />
        <Status />
      </SseProvider>,
    ),
  );
  await settle(() => stream.hello());
  await until(() => expect(place.textContent).toBe("open open"));
  await settle(() => stream.cut());
  await until(() => expect(place.textContent).toBe("reconnecting reconnecting"));
  await settle(() => stream.hello());
  await settle(() => stream.message("back", { channel: "a" }));
  await until(() => expect(place.textContent).toBe("open backopen"));
  await settle(() => stream.close());
});

test("a hook is not open before the stream carries its channel", async () => {
  const stream = createFakeStream();
  const statuses: string[] = [];
  let add = (): void => {};
  function Late() {
    const { status, error } = useChannel("late");
    statuses.push(error ? `${status} ${error.code}` : status);
    return null;
  }
  function Page() {
    const [isThere, setThere] = useState(false);
    useEffect(() => {
      add = () => setThere(true);
    }, []);
    return (
      <>
        <Values />
        {isThere && <Late />}
      </>
    );
  }
  const root = createRoot(document.createElement("div"));
  roots.push(root);
  await act(async () =>
    root.render(
      <SseProvider url={stream.url} fetch={stream.fetch} onError={() => {}}>
        <Page />
      </SseProvider>,
    ),
  );
  await settle(() => stream.hello());
  await act(async () => add());
  await settle(() => stream.hello({ channels: ["a"] }));
  await until(() => expect(statuses.at(-1)).toBe("failed STREAM_REFUSED"));
  expect([...new Set(statuses)]).toEqual(["idle", "connecting", "failed STREAM_REFUSED"]);
  await settle(() => stream.close());
});

test.each(["users/ada@example.com", "a*b", ""])(
  "a hook with an invalid channel fails alone, and the page stays: %s",
  async (bad) => {
    function Bad() {
      const { status, error, data } = useChannel(bad, { initial: "initial" });
      return <i>{`${status} ${error?.code} ${String(data)}`}</i>;
    }
    const page = await show(
      <StrictMode>
        <Bad />
        <Values />
      </StrictMode>,
    );
    await until(() => expect(page.querySelector("p")?.textContent).toBe("open "));
    expect(page.querySelector("i")?.textContent).toBe("failed INVALID_CHANNEL initial");
    await server.bus.publish(1, { channel: "a" });
    await until(() => expect(page.querySelector("p")?.textContent).toBe("open 1"));
  },
);

test("a hook goes from an invalid channel to a valid one, and back", async () => {
  function Chosen() {
    const [channel, setChannel] = useState("ada@example.com");
    const { status, error } = useChannel(channel);
    const other = channel.includes("@") ? encodeChannelSegment(channel) : "ada@example.com";
    return <button onClick={() => setChannel(other)}>{`${status} ${error?.code}`}</button>;
  }
  const page = await show(<Chosen />);
  const choose = () => page.querySelector("button")?.click();
  await until(() => expect(page.textContent).toBe("failed INVALID_CHANNEL"));
  await settle(choose);
  await until(() => expect(page.textContent).toBe("open undefined"));
  await settle(choose);
  await until(() => expect(page.textContent).toBe("failed INVALID_CHANNEL"));
});

test.each([
  ["a string", "of bob"],
  ["a function", () => "of bob"],
])(
  "a provider with another identity reads with the token of that one, which is %s",
  async (_, bob) => {
    const place = document.createElement("div");
    const root = createRoot(place);
    roots.push(root);
    const tokens: (string | null)[] = [];
    const fetch: typeof globalThis.fetch = async (url, init) => {
      tokens.push(new Headers(init?.headers).get("authorization"));
      return server.fetch(url, init);
    };
    const render = (identity: string, token: string | (() => string)) =>
      act(async () =>
        root.render(
          <SseProvider url={server.url} fetch={fetch} identity={identity} token={token}>
            <Values />
          </SseProvider>,
        ),
      );
    await render("ann", "of ann");
    await until(() => expect(place.textContent).toBe("open "));
    await render("bob", bob);
    await until(() => expect([place.textContent, server.open]).toEqual(["open ", 1]));
    await until(() => expect(tokens).toEqual(["Bearer of ann", "Bearer of bob"]));
  },
);

test("the last hook that unmounts ends the connection, and useSse is the client", async () => {
  let hide = (): void => {};
  function Page() {
    const [isThere, setThere] = useState(true);
    useEffect(() => {
      hide = () => setThere(false);
    }, []);
    const client = useSse();
    return isThere ? <Values /> : <p>{client.status}</p>;
  }
  const place = await show(<Page />);
  await until(() => expect(place.textContent).toBe("open "));
  await act(async () => hide());
  await vi.waitFor(() => expect(server.open).toBe(0), WAIT);
});
