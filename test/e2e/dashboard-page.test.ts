import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { browserNames, launchVisitors, type Visitor, type Visitors } from "../support/visitors.ts";
import { waitFor } from "../support/wait-for.ts";

const line = "[data-testid=line-state]";

let app: NextServer;
beforeAll(async () => {
  app = await startDemo();
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe.each(browserNames)("/dashboard in %s", (name) => {
  let visitors: Visitors;
  beforeAll(async () => {
    visitors = await launchVisitors(name);
  });
  afterAll(async () => visitors?.[Symbol.asyncDispose]());

  it("shows every sensor's newest value, the replay's and the server's own", async () => {
    await using visitor = await visitors.open(`${app.url}/dashboard`);
    await visitor.sees(line, "Live");
    await waitFor("a value of each of the forty", async () => {
      const shown = await values(visitor);
      return shown.length === 40 && shown.every((value) => /\d/.test(value));
    });
    const before = await visitor.text("[data-sensor=page-faults]");
    await waitFor(
      "a newer one",
      async () => (await visitor.text("[data-sensor=page-faults]")) !== before,
    );
    expect(await visitor.text("main")).toContain("Real, of now");
    expect(await visitor.violations()).toEqual([]);
    // The next visitor's page has them before any script runs.
    const html = await (await fetch(`${app.url}/dashboard`)).text();
    expect(html).toMatch(/Core 0.*?\d %/s);
  });

  it("bears 2,000 updates a second, which one window asks for and all show", async () => {
    await using visitor = await visitors.open(`${app.url}/dashboard`);
    await using other = await visitors.open(`${app.url}/dashboard`);
    await visitor.sees(line, "Live");
    await other.sees(line, "Live");
    await visitor.click("input[value='2000']");
    await waitFor("the other window to show the rate", async () =>
      other.evaluate(
        () => document.querySelector<HTMLInputElement>("input[value='2000']")?.checked,
        null,
      ),
    );
    // Of two windows, Firefox draws only the one in front.
    await waitFor(
      "1,500 updates in a second, and a page that still draws",
      async () =>
        (await stat(other, "Updates a second")) > 1_500 &&
        (await stat(other, "Frames a second")) > 10,
      { timeoutMs: 30_000 },
    );
    // Away for 5 s at 2,000 a second: ten thousand readings, of which each sensor's newest counts.
    const skipped = await stat(other, "Superseded, skipped");
    await other.click("[aria-labelledby=card-feed] header button");
    await other.sees("[aria-labelledby=card-feed] header", "Away");
    await other.sees("[data-testid=absence]", "Back.", { timeoutMs: 15_000 });
    await waitFor(
      "what was skipped to be counted",
      async () => (await stat(other, "Superseded, skipped")) - skipped > 3_000,
    );
    await other.click("input[value='200']");
  }, 60_000);

  it("goes on where it was when its connection is cut, without a gap", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using visitor = await visitors.open(`http://127.0.0.1:${proxy.port}/dashboard`);
    await visitor.sees(line, "Live");
    // A gap would load the page's data anew, and with it forget which sensor was chosen.
    await visitor.click("[data-sensor=core-0] button");
    await visitor.sees("#card-core-0", "Core 0");
    await proxy.cut();
    await visitor.sees(line, "Reconnecting");
    expect((await values(visitor)).every((value) => /\d/.test(value))).toBe(true);
    await proxy.mend();
    await visitor.sees(line, "Live", { timeoutMs: 15_000 });
    await waitFor(
      "updates to come again",
      async () => (await stat(visitor, "Updates a second")) > 0,
    );
    expect(await stat(visitor, "Superseded, skipped")).toBeGreaterThan(0);
    expect(await visitor.text("#card-core-0")).toBe("Core 0");
  });
});

async function values(visitor: Visitor): Promise<string[]> {
  return visitor.evaluate(
    () =>
      [...document.querySelectorAll("[data-part=value]")].map((value) => value.textContent ?? ""),
    null,
  );
}

async function stat(visitor: Visitor, name: string): Promise<number> {
  return Number((await visitor.text(`[data-stat="${name}"] dd`)).replaceAll(",", ""));
}
