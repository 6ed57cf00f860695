import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import { openStream } from "../support/event-stream.ts";
import type { NextServer } from "../support/next-server.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  browserNames,
  launchTestBrowser,
  type Tab,
  type TestBrowser,
} from "../support/test-browser.ts";

const task = "[aria-labelledby=card-task]";
const upload = "[aria-labelledby=card-upload]";
const build = "[aria-labelledby=card-build]";
const connection = `${task} [data-testid=connection-state]`;
const patient = { timeoutMs: 20_000 };

let app: NextServer;
beforeAll(async () => {
  app = await startDemo();
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe.each(browserNames)("/progress in %s", (name) => {
  let browser: TestBrowser;
  /** Two windows that the tests share. */
  let tab: Tab;
  let other: Tab;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
    [tab, other] = [
      await browser.open(`${app.url}/progress`),
      await browser.open(`${app.url}/progress`),
    ];
    for (const each of [tab, other]) await each.waitForText(connection, "Live");
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("shows a task in every window, also after a reload, until one of them cancels it", async () => {
    await tab.click(`${task} [data-command=start-task]`);
    await other.waitForText(`${task} li`, /Running[^]*[1-9]\d* of 200 rounds/);
    // Two hundred rounds outlast the test on any machine: only the cancellation ends them.
    const html = await (await fetch(`${app.url}/progress`)).text();
    expect(html).toMatch(/\d+ of 200 rounds/);
    await tab.goto(`${app.url}/progress`);
    await tab.waitForText(`${task} li`, /Running/);
    await tab.waitForText(connection, "Live");
    await other.click(`${task} li button`);
    await tab.waitForText(`${task} li`, "Cancelled by a visitor");
    // Tasks of other windows cause no layout shift in this one.
    expect(await other.layoutShift()).toBeLessThan(0.01);
    expect(await tab.violations()).toEqual([]);
  });

  it("shows the received part of a file as the server reports it, and its checksum", async () => {
    await tab.click(`${upload} button:last-of-type`);
    const checksum = createHash("sha256").update(Buffer.alloc(20_000_000)).digest("hex");
    await tab.waitForText(`${upload} li`, `20.0 MB, SHA-256 ${checksum}`, patient);
  });

  it("shows a build's output in its colours, line by line, and how it ended", async () => {
    await tab.click(`${build} [data-command=start-failing-build]`);
    await tab.waitForText(`${build} [role=log]`, "tells one changed bit", patient);
    await tab.waitForText(`${build} li`, /Exit code 1, \d+ lines/, patient);
    await waitFor("the marks of twelve checks, in green", async () =>
      tab.evaluate(() => document.querySelectorAll("[role=log] .text-good").length >= 12, null),
    );
    expect(await tab.text(`${build} [role=log]`)).not.toContain("\u001B");
    expect(await tab.violations()).toEqual([]);
  });

  it("loses no line of a build if the connection is cut", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using cut = await browser.open(`http://127.0.0.1:${proxy.port}/progress`);
    await cut.waitForText(connection, "Live");
    await other.click(`${build} [data-command=start-build]`);
    await cut.waitForText(`${build} li`, "Running");
    await proxy.cut();
    await cut.waitForText(connection, "Reconnecting");
    await other.waitForText(`${build} li`, /Exit code 0, \d+ lines/, patient);
    await proxy.mend();
    await cut.waitForText(`${build} li`, /Exit code 0, \d+ lines/, patient);
    const whole = await other.text(`${build} [role=log]`);
    await cut.waitForText(`${build} [role=log]`, whole);
  });

  it("ends uploads that are too slow, and they block no other tasks", async () => {
    const abort = new AbortController();
    const trickle = async (visitor: string): Promise<Response | Error> => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(10)),
      });
      const headers = { "X-Upload": "1", "X-Forwarded-For": visitor };
      const init = { method: "POST", headers, body, duplex: "half" };
      return fetch(`${app.url}/api/upload?name=slow`, { ...init, signal: abort.signal }).catch(
        (error: Error) => error,
      );
    };
    const uploads = ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"].map(trickle);
    await tab.waitForText("[aria-labelledby=card-upload] li", "slow");
    await tab.click(`${build} [data-command=start-build]`);
    // To its end: the checks run once at a time.
    await tab.waitForText(`${build} li`, /Exit code 0/, patient);
    for (const response of await Promise.all(uploads)) {
      expect(response instanceof Response && response.status).toBe(400);
    }
    abort.abort();
  });
});

describe("POST /api/upload", () => {
  it("receives two files of one visitor at a time, so that other visitors have slots", async () => {
    const begin = (visitor: string) => {
      let end = (): void => {};
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new Uint8Array(1_000_000));
          end = () => controller.close();
        },
      });
      const headers = { "X-Upload": "1", "X-Forwarded-For": visitor };
      const init = { method: "POST", headers, body, duplex: "half" };
      const response = fetch(`${app.url}/api/upload?name=${visitor}`, init);
      return { response, end };
    };
    await using tasks = await openStream(`${app.url}/api/sse?channel=tasks/*`);
    await tasks.next("hello");
    const seen = new Set<string>();
    const isNewUpload = ({ event, data }: ReceivedEvent): boolean => {
      if (event !== "task") return false;
      const { run, title } = JSON.parse(data) as { run: string; title: string };
      return title.startsWith("10.0.1.") && seen.size < seen.add(run).size;
    };
    const [first, second] = [begin("10.0.1.1"), begin("10.0.1.1")];
    await tasks.next(isNewUpload);
    await tasks.next(isNewUpload);
    expect((await begin("10.0.1.1").response).status).toBe(429);
    const other = begin("10.0.1.2");
    await tasks.next(isNewUpload);
    for (const { end } of [first, second, other]) end();
    for (const { response } of [first, second, other]) expect((await response).status).toBe(200);
    const again = begin("10.0.1.1");
    again.end();
    expect((await again.response).status).toBe(200);
  });

  it("rejects files that are too large before reading them, and requests that another site could send", async () => {
    const url = `${app.url}/api/upload?name=x`;
    expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(403);
    const body = Buffer.alloc(100_000_001);
    const large = await fetch(url, { method: "POST", headers: { "X-Upload": "1" }, body }).catch(
      // The server may close the connection of an unread body.
      (error: Error) => error,
    );
    expect(large instanceof Error || large.status === 413).toBe(true);
  });
});
