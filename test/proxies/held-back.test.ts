import { expect, test } from "vitest";

import { startBadProxy } from "../support/bad-proxy.ts";
import { launchTestBrowser } from "../support/test-browser.ts";
import { openListeningPage, startHubAndPage } from "./listening-page.ts";

// More proxies, both browsers and their real times: held-back.long.test.ts.

test("through a proxy that holds back whole answers, Chromium polls, and loses and repeats nothing on the way to a stream", async () => {
  await using server = await startHubAndPage();
  await using proxy = await startBadProxy(server.port, { buffers: true });
  await using browser = await launchTestBrowser("Chromium");
  const url = `${proxy.url}?client=${JSON.stringify({ connectTimeoutMs: 1_000, probeMs: 2_000 })}`;
  await using page = await openListeningPage(browser, url, server);
  await page.until("poll", 20_000);
  await page.publishFor(1_500);
  proxy.mend();
  const publishing = page.publishFor(6_000);
  await page.until("stream", 10_000);
  await publishing;
  const { p99 } = await page.result();
  expect(p99).toBeLessThan(2_000);
  const [, , ...later] = await page.connections();
  expect(later.map(({ status }) => status)).not.toContain("reconnecting");
});
