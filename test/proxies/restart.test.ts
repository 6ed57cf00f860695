import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { publishTo, startHub } from "../hub/hub-process.ts";
import { startCaddySites } from "../support/caddy.ts";
import { openStream } from "../support/event-stream.ts";
import { startHaproxyConfig } from "../support/haproxy.ts";
import { startNginxHttp } from "../support/nginx.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { replaceOnce } from "../support/replace-once.ts";
import { repository } from "../support/repository.ts";
import type { Restartable } from "../support/restartable.ts";
import { launchTestBrowser, type TestBrowser } from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

/** Longer than any `retry` at a drain: browsers reconnect while the proxy has no server. */
const downMs = 3_000;

interface DeployFile {
  /** The file in deploy/proxies. */
  readonly name: string;
  /** The file's text with the addresses of a test. */
  readonly start: (text: string) => Promise<Restartable>;
}

const files: readonly DeployFile[] = [
  {
    name: "nginx.conf",
    start: async (text) =>
      startNginxHttp((port) => replaceOnce(text, "listen 80;", `listen 127.0.0.1:${port};`)),
  },
  {
    name: "haproxy.cfg",
    start: async (text) =>
      startHaproxyConfig((port) => replaceOnce(text, "bind :80", `bind 127.0.0.1:${port}`)),
  },
  {
    name: "Caddyfile",
    start: async (text) =>
      startCaddySites((port) => replaceOnce(text, "example.com {", `http://127.0.0.1:${port} {`)),
  },
];

let redis: RedisServer;
let browsers: TestBrowser[] = [];
beforeAll(async () => {
  redis = await startRedis();
  browsers = await Promise.all([launchTestBrowser("Chromium"), launchTestBrowser("Firefox")]);
});
afterAll(async () => {
  for (const each of [...browsers, redis]) await each?.[Symbol.asyncDispose]();
});

describe.each(files)("behind deploy/proxies/$name, while the server restarts", (file) => {
  let hub: Restartable;
  let proxy: Restartable;
  beforeAll(async () => {
    // Reconnects immediately, while the proxy has no server: its response is what this test is about.
    const args = ["--backend", redis.url, "--heartbeat-ms", "1000", "--drain-retry-ms", "0"];
    hub = await startHub({ args });
    const text = await readFile(join(repository, "deploy/proxies", file.name), "utf8");
    proxy = await file.start(
      text.replaceAll("127.0.0.1:3000", `127.0.0.1:${hub.port}`).replaceAll("/api/sse", "/sse"),
    );
  });
  afterAll(async () => {
    for (const each of [proxy, hub]) await each?.[Symbol.asyncDispose]();
  });

  test("a stream request gets an empty stream with `retry`, and any other request an error", async () => {
    await hub.stop();
    try {
      await using stream = await openStream(`${proxy.url}/sse?channel=a`);
      expect(stream.headers["content-type"]).toMatch(/^text\/event-stream/);
      expect(await stream.closed).toBe("end");
      expect([stream.events, stream.retryMs]).toEqual([[], 2_000]);
      const health = await fetch(`${proxy.url}/health`);
      expect([502, 503, 504]).toContain(health.status);
    } finally {
      await hub.start();
    }
  });

  test("the EventSource of Chromium and Firefox reconnects by itself and gets what was published during the restart", async () => {
    const channel = `restart/${file.name}`;
    const [chromium, firefox] = browsers as [TestBrowser, TestBrowser];
    await using inChromium = await openReader(chromium, channel);
    await using inFirefox = await openReader(firefox, channel);
    const states = () => Promise.all([inChromium.state(), inFirefox.state()]);
    const untilAll = (what: string, isSo: (state: ReaderState) => boolean) =>
      waitFor(what, async () => (await states()).every(isSo), { timeoutMs: 30_000 });
    await untilAll("the streams to be open", ({ ready }) => ready === 1);
    await publishTo(hub, 1, channel);
    await untilAll("the first message", ({ seen }) => seen.length === 1);

    await hub.stop();
    const other = await startHub({ args: ["--backend", redis.url] });
    await publishTo(other, 2, channel);
    await other[Symbol.asyncDispose]();
    const downSince = performance.now();
    await waitFor("a period without a server", () =>
      Promise.resolve(performance.now() - downSince > downMs),
    );
    expect((await states()).map(({ ready }) => ready)).not.toContain(2);
    await hub.start();
    await publishTo(hub, 3, channel);
    await untilAll("the other messages", ({ seen }) => seen.length >= 3);
    expect((await states()).map(({ seen }) => seen)).toEqual([
      ["1", "2", "3"],
      ["1", "2", "3"],
    ]);
  });

  /** A page of the same origin with an `EventSource`. Browsers show any page of it unchanged. */
  async function openReader(browser: TestBrowser, channel: string): Promise<Reader> {
    const tab = await browser.open(`${proxy.url}/metrics`);
    await tab.evaluate((url) => {
      const source = new EventSource(url);
      const seen: string[] = [];
      Object.assign(globalThis, { source, seen });
      for (const type of ["message", "gap"]) {
        source.addEventListener(type, ({ data }) => seen.push(String(data)));
      }
    }, `${proxy.url}/sse?channel=${channel}`);
    return {
      state: async () =>
        tab.evaluate(() => {
          const { source, seen } = globalThis as unknown as { source: EventSource; seen: string[] };
          return { ready: source.readyState, seen: [...seen] };
        }, null),
      [Symbol.asyncDispose]: async () => tab[Symbol.asyncDispose](),
    };
  }
});

interface ReaderState {
  readonly ready: number;
  readonly seen: readonly string[];
}

interface Reader extends AsyncDisposable {
  state(): Promise<ReaderState>;
}
