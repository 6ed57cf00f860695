import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import { useRedis } from "../support/redis.ts";

/** A typical reverse proxy: while the app is down it answers 502. */
async function startGateway(targetPort: number) {
  let refused = 0;
  const server = createServer((incoming, response) => {
    const { url, method, headers } = incoming;
    const outgoing = request({ port: targetPort, path: url, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    outgoing.on("error", () => {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      if (url?.startsWith("/api/sse")) refused++;
      response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>Bad gateway</h1>");
    });
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Streams that were answered 502. */
    get refused() {
      return refused;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

test("the event log survives a restart behind a proxy that answers 502, without loss or duplicates", async () => {
  await using redis = await useRedis();
  await using app = await startDemo({
    env: { SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_URL: redis.url },
  });
  await using gateway = await startGateway(app.port);
  await using browser = await launchChromium();
  const page = await browser.newPage();
  await page.goto(gateway.url);
  const state = (wanted: string) =>
    expect
      .poll(() => page.getByTestId("stream-state").textContent(), { timeout: 30_000, interval: 50 })
      .toBe(wanted);
  await state("Live");
  await publish(app.url, { data: "before" });
  await page.getByText('"before"').waitFor();

  await app.kill();
  // Final for the browser's own EventSource: it would never retry.
  await expect.poll(() => gateway.refused, { timeout: 20_000 }).toBeGreaterThan(0);
  await state("Closed");
  await app.start();
  await publish(app.url, { data: "while it was down" });
  await state("Live");
  await publish(app.url, { data: "after" });
  for (const text of ["before", "while it was down", "after"]) {
    await page.getByText(`"${text}"`).waitFor();
    expect(await page.getByText(`"${text}"`).count()).toBe(1);
  }
  expect(await page.locator("[role=log] li").filter({ hasText: "gap" }).count()).toBe(0);
}, 120_000);
