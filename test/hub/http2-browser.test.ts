import { expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startHub } from "./hub-process.ts";
import { selfSigned } from "./self-signed.ts";

test("with 200 EventSources open in Chromium over one HTTP/2 connection, publishing still works", async () => {
  await using folder = await tempFolder("tls");
  await using hub = await startHub({ scheme: "https", args: selfSigned(folder.path) });
  await using chromium = await launchChromium({ isWhole: true });
  const context = await chromium.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${hub.url}/health`);
  const outcome = await page.evaluate(async () => {
    const streams = Array.from({ length: 200 }, () => new EventSource("/sse?channel=a"));
    const heard = streams.map(
      (stream) =>
        new Promise<string>((resolve) => {
          stream.addEventListener("message", ({ data }) => resolve(String(data)));
        }),
    );
    await Promise.all(
      streams.map(
        async (stream) =>
          new Promise((resolve) => {
            stream.addEventListener("open", resolve);
          }),
      ),
    );
    const response = await fetch("/publish", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ data: "hello", channel: "a" }),
      signal: AbortSignal.timeout(10_000),
    });
    const protocols = performance
      .getEntriesByType("resource")
      .map((entry) => (entry as PerformanceResourceTiming).nextHopProtocol);
    return { status: response.status, heard: await Promise.all(heard), protocols };
  });
  expect(outcome.status).toBe(200);
  expect(outcome.heard).toEqual(Array.from({ length: 200 }, () => '"hello"'));
  expect(outcome.protocols).toContain("h2");
  await context.close();
});
