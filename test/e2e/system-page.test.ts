import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { browserNames, launchVisitors, type Visitor, type Visitors } from "../support/visitors.ts";
import { waitFor } from "../support/wait-for.ts";

const machine = "[aria-labelledby=card-machine]";
const log = "[aria-labelledby=card-app-log]";

let app: NextServer;
beforeAll(async () => {
  app = await startDemo();
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe.each(browserNames)("/system in %s", (name) => {
  let visitors: Visitors;
  beforeAll(async () => {
    visitors = await launchVisitors(name);
  });
  afterAll(async () => visitors?.[Symbol.asyncDispose]());

  it("shows this machine's numbers, and a newer sample each second", async () => {
    await using visitor = await visitors.open(`${app.url}/system`);
    await visitor.sees(`${machine} [data-testid=line-state]`, "Live");
    await visitor.sees(`${machine} [data-tile=CPU] [data-testid=value]`, /^\d+ %$/);
    await visitor.sees(`${machine} [data-tile=Memory] [data-testid=value]`, /^[\d.]+ [MGT]B$/);
    await visitor.sees(
      `${machine} [data-tile="Event-loop delay"] [data-testid=value]`,
      /^[\d.]+ ms$/,
    );
    await visitor.sees(`${machine} [data-tile=Disk] [data-testid=value]`, /B\/s$/);
    await visitor.sees(`${machine} [data-tile=Network] [data-testid=value]`, /B\/s$/);
    const notes = new Set<string>();
    await waitFor("three samples that differ", async () => {
      notes.add(await visitor.text(`${machine} [data-tile=Memory]`));
      return notes.size >= 3;
    });
    expect(await visitor.violations()).toEqual([]);
  });

  it("shows the app's lines to every window, by level", async () => {
    await using visitor = await visitors.open(`${app.url}/system`);
    await using other = await visitors.open(`${app.url}/system`);
    await visitor.sees(`${log} [data-testid=line-state]`, "Live");
    await other.sees(`${log} [data-testid=line-state]`, "Live");
    const before = await count(other, "something is about to go wrong");
    await writeLines(visitor);
    await waitFor(
      "the line in the other window",
      async () => (await count(other, "something is about to go wrong")) === before + 1,
    );
    await other.click(`${log} fieldset label:nth-of-type(2) input`);
    await waitFor(
      "warnings to be filtered out",
      async () => (await count(other, "something is about to go wrong")) === 0,
    );
    expect(await count(other, "as asked for")).toBeGreaterThan(0);
    // The server renders them too: history is there before any script runs.
    const html = await (await fetch(`${app.url}/system`)).text();
    expect(html).toContain("something is about to go wrong");
    expect(html).toMatch(/\d+ cores/);
  });

  it("holds lines back while paused, and loses none of them", async () => {
    await using visitor = await visitors.open(`${app.url}/system`);
    await visitor.sees(`${log} [data-testid=line-state]`, "Live");
    const before = await count(visitor, "nothing to see here");
    await visitor.click(`${log} button[aria-pressed]`);
    await writeLines(visitor);
    await visitor.sees(log, "Paused: 4 more are waiting");
    expect(await count(visitor, "nothing to see here")).toBe(before);
    await visitor.click(`${log} button[aria-pressed]`);
    await waitFor(
      "the held line",
      async () => (await count(visitor, "nothing to see here")) === before + 1,
    );
  });

  it("loses no line when its connection is cut", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using visitor = await visitors.open(`http://127.0.0.1:${proxy.port}/system`);
    await using other = await visitors.open(`${app.url}/system`);
    await visitor.sees(`${log} [data-testid=line-state]`, "Live");
    const before = await count(visitor, "nothing to see here");
    await proxy.cut();
    await visitor.sees(`${log} [data-testid=line-state]`, "Reconnecting");
    await writeLines(other);
    await other.sees(log, "as asked for");
    await proxy.mend();
    await visitor.sees(`${log} [data-testid=line-state]`, "Live", { timeoutMs: 15_000 });
    await waitFor(
      "the line from the meantime",
      async () => (await count(visitor, "nothing to see here")) === before + 1,
    );
  });
});

async function writeLines(visitor: Visitor): Promise<void> {
  await visitor.click(`${log} header button:last-child`);
}

async function count(visitor: Visitor, text: string): Promise<number> {
  const lines = await visitor.evaluate(
    () => [...document.querySelectorAll("[role=log] li bdi")].map((line) => line.textContent),
    null,
  );
  return lines.filter((line) => line?.includes(text)).length;
}
