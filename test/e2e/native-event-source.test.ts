import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { backendFromUrl } from "../../packages/sse-bus/src/backends/index.ts";
import { createBus } from "../../packages/sse-bus/src/index.ts";
import { createHub } from "../../packages/sse-bus/src/hub/index.ts";
import { publishTo, startHub } from "../hub/hub-process.ts";
import { openStream } from "../support/event-stream.ts";
import { startNginx } from "../support/nginx.ts";
import { useRedis } from "../support/redis.ts";
import type { ServerUrl } from "../support/server-url.ts";
import {
  type BrowserName,
  launchTestBrowser,
  type Tab,
  type TestBrowser,
} from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

/** Serves an empty page, from an origin of its own. */
const pages = createServer((_, response) => {
  response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>x</title>");
});
let origin: string;
let redis: ServerUrl;
beforeAll(async () => {
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  redis = await useRedis();
});
afterAll(async () => {
  pages.close();
  pages.closeAllConnections();
  await redis?.[Symbol.asyncDispose]();
});

/** What a page's EventSource has received: the data of messages, and `event data` of other events. */
interface Watched {
  readonly readyState: number;
  readonly events: string[];
}

async function watch(tab: Tab, url: string): Promise<() => Promise<Watched>> {
  await tab.evaluate((address) => {
    const source = new EventSource(address);
    const events: string[] = [];
    source.addEventListener("message", ({ data }) => events.push(data as string));
    for (const name of ["hello", "bye", "gap"]) {
      source.addEventListener(name, ({ data }) => events.push(`${name} ${data}`));
    }
    Object.assign(globalThis, { watched: { source, events } });
  }, url);
  return async () =>
    tab.evaluate(() => {
      const { watched } = globalThis as unknown as {
        watched: { source: EventSource; events: string[] };
      };
      return { readyState: watched.source.readyState, events: watched.events };
    }, null);
}

const CLOSED = 2;

async function until(
  read: () => Promise<Watched>,
  what: string,
  isThere: (watched: Watched) => boolean,
): Promise<Watched> {
  let last: Watched | undefined;
  await waitFor(
    what,
    async () => {
      last = await read();
      return last.readyState === CLOSED || isThere(last);
    },
    { everyMs: 50, timeoutMs: 40_000 },
  );
  expect(last?.readyState, `closed permanently: ${last?.events.join("\n")}`).not.toBe(CLOSED);
  return last as Watched;
}

const says = (text: string) => (watched: Watched) =>
  watched.events.some((event) => event.includes(text));

const browsers: readonly BrowserName[] = ["Chromium", "Firefox"];

describe.each(browsers)("a native EventSource in %s", (name) => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
  });

  test("that is refused at a limit opens by itself when the limit allows it", async () => {
    await using hub = await startHub({
      args: ["--max-connections", "1", "--cors-origin", origin],
    });
    const holder = await openStream(`${hub.url}/sse`);
    await holder.next("hello");
    await using tab = await browser.open(origin);
    const read = await watch(tab, `${hub.url}/sse?from=earliest`);
    await until(read, "a bye", says('bye {"reason":"limit"'));
    await publishTo(hub, "while it was refused", "default");
    await holder[Symbol.asyncDispose]();
    const { events } = await until(read, "the message", says("while it was refused"));
    expect(events.filter((event) => event.startsWith("gap"))).toEqual([]);
  });

  test("that is ended by a draining server resumes on the next one, without a gap", async () => {
    const make = async (port: number) => {
      const bus = createBus({ backend: backendFromUrl(redis.url) });
      const hub = createHub({ bus, cors: { origins: [origin] }, drainRetryMs: 0 });
      return { bus, hub, url: await hub.listen(port) };
    };
    const channel = `drain/${crypto.randomUUID()}`;
    const first = await make(0);
    await using tab = await browser.open(origin);
    const read = await watch(tab, `${first.url}/sse?channel=${channel}`);
    await until(read, "hello", says("hello"));
    await first.bus.publish("before", { channel });
    await until(read, "the first message", says("before"));

    // Still listening, but it refuses every stream.
    first.hub.drain();
    await until(read, "the refusal", says('"code":"DRAINING"'));
    await first.bus.publish("meanwhile", { channel });
    await first.hub.close();
    await first.bus.close();
    const second = await make(Number(new URL(first.url).port));

    const { events } = await until(read, "the second message", says("meanwhile"));
    expect(events.filter((event) => /^"?(before|meanwhile|gap)/.test(event))).toEqual([
      '"before"',
      '"meanwhile"',
    ]);
    await second.hub.close();
    await second.bus.close();
  });

  test("behind a proxy that answers 502 while the server restarts misses nothing", async () => {
    await using hub = await startHub({
      // Longer than the server is down, also where a start takes seconds.
      args: ["--backend", redis.url, "--cors-origin", origin, "--drain-retry-ms", "12000"],
    });
    const channel = `restart/${crypto.randomUUID()}`;
    await using nginx = await startNginx(hub.port);
    await using tab = await browser.open(origin);
    const read = await watch(tab, `${nginx.url}/sse?channel=${channel}`);
    await until(read, "hello", says("hello"));
    await publishTo(hub, "before", channel);
    await until(read, "the first message", says("before"));

    await hub.stop();
    expect((await fetch(`${nginx.url}/sse`)).status).toBe(502);
    // As long as the server is down.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await hub.start();
    await publishTo(hub, "after", channel);

    const { events } = await until(read, "the second message", says("after"));
    expect(events.filter((event) => /^"?(before|after|gap)/.test(event))).toEqual([
      '"before"',
      '"after"',
    ]);
  });
});
