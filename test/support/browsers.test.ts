import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launchChromium } from "./chromium.ts";
import { launchFirefox } from "./firefox.ts";

let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/stream") {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("id: 1\ndata: hello from the server\n\n");
    } else {
      response.end("<!doctype html><title>page</title>");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Runs in the page. */
const firstEvent = async (): Promise<string> =>
  new Promise((resolve, reject) => {
    const source = new EventSource("/stream");
    source.addEventListener("message", ({ lastEventId, data }) =>
      resolve(`${lastEventId} ${data}`),
    );
    source.addEventListener("error", () => reject(new Error("stream failed")));
  });

test("Chromium loads a page and reads an event stream", async () => {
  await using browser = await launchChromium();
  const page = await browser.newPage();
  await page.goto(url);
  expect(await page.evaluate(firstEvent)).toBe("1 hello from the server");
});

test("Firefox loads a page and reads an event stream", async () => {
  await using browser = await launchFirefox();
  const page = await browser.newPage();
  await page.goto(url);
  expect(await page.evaluate(firstEvent)).toBe("1 hello from the server");
});
