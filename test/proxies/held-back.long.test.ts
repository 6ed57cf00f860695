import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type BadProxyFaults, startBadProxy } from "../support/bad-proxy.ts";
import { startNginx } from "../support/nginx.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { browserNames, launchTestBrowser, type TestBrowser } from "../support/test-browser.ts";
import { openListeningPage, startHubAndPage } from "./listening-page.ts";

interface HeldBackCase {
  readonly name: string;
  readonly start: (port: number) => Promise<MendableProxy>;
  /** How long it may take until the client polls. */
  readonly settleMs: number;
  /** How long messages are measured. */
  readonly measureMs: number;
  readonly p99Ms: number;
}

interface MendableProxy extends AsyncDisposable {
  readonly url: string;
  mend(): void;
}

const bad =
  (faults: BadProxyFaults) =>
  async (port: number): Promise<MendableProxy> =>
    startBadProxy(port, faults);

const cases: readonly HeldBackCase[] = [
  {
    name: "that holds back whole answers",
    start: bad({ buffers: true }),
    settleMs: 30_000,
    measureMs: 60_000,
    p99Ms: 2_000,
  },
  {
    name: "nginx that buffers, and ignores X-Accel-Buffering",
    start: startBufferingNginx,
    settleMs: 30_000,
    measureMs: 60_000,
    p99Ms: 2_000,
  },
  {
    name: "that cuts streams after 5 s",
    start: bad({ streamLifeMs: 5_000 }),
    settleMs: 60_000,
    measureMs: 90_000,
    p99Ms: 300,
  },
  {
    name: "that cuts every connection after 30 s",
    start: bad({ connectionLifeMs: 30_000 }),
    settleMs: 150_000,
    measureMs: 130_000,
    p99Ms: 300,
  },
];

describe.each(browserNames)("%s, through a proxy", (name) => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  test.each(cases)(
    "$name, loses and repeats nothing, is prompt, and is on a stream within a minute after it was mended",
    async ({ start, settleMs, measureMs, p99Ms }) => {
      await using server = await startHubAndPage();
      await using proxy = await start(server.port);
      await using page = await openListeningPage(browser, proxy.url, server);
      const settledMs = await page.until("poll", settleMs);
      await page.publishFor(measureMs);
      const result = await page.result();
      proxy.mend();
      const mendedAt = Date.now();
      const publishing = page.publishFor(60_000);
      await page.until("stream", 60_000);
      await publishing;
      const all = await page.result();
      const states = await page.connections();
      // Where streams are cut, it may have tried one just before.
      const backMs = (states.at(-1)?.at ?? Infinity) - mendedAt;
      const lost = states.filter(({ status }) => status === "reconnecting").length;
      console.log(name, { settledMs, backMs, lost, changes: states.length, ...result, all });
      expect(result.p99).toBeLessThan(p99Ms);
      expect(backMs).toBeLessThan(60_000);
      expect(states.at(-1)?.transport).toBe("stream");
    },
    400_000,
  );
});

async function startBufferingNginx(port: number): Promise<MendableProxy> {
  const nginx = await startNginx(port, {
    httpVersion: "1.1",
    location: "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
  });
  const relay = await startTcpProxy(nginx.port);
  return {
    url: `http://127.0.0.1:${relay.port}/`,
    mend() {
      // New connections do not go through nginx.
      relay.retarget(port);
      relay.reset();
    },
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await nginx[Symbol.asyncDispose]();
    },
  };
}
