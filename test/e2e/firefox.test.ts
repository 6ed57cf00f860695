import { afterAll, beforeAll, expect, it } from "vitest";

import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { launchVisitors, type Visitor, type Visitors } from "../support/visitors.ts";
import { waitFor } from "../support/wait-for.ts";

const line = "[data-testid=line-state]";

let app: NextServer;
let visitors: Visitors;
beforeAll(async () => {
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  visitors = await launchVisitors("Firefox");
});
afterAll(async () => {
  await visitors?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
});

/** What shows that a page is live, and not only as the server rendered it. */
const signs: Record<string, (visitor: Visitor) => Promise<void>> = {
  "/": async (visitor) => {
    await visitor.sees("[data-testid=stream-state]", "Live");
    await publish(app.url, { data: { msg: "<b>fire</b>" } });
    await visitor.sees("[role=log]", "<b>fire</b>");
  },
  "/hook": async (visitor) => {
    await visitor.sees("[data-testid=hook-status]", "open");
    await publish(app.url, { data: { msg: "to the hook" } });
    await visitor.sees("main", "to the hook");
  },
  "/dashboard": async (visitor) => {
    await visitor.sees(line, "Live");
    const before = await visitor.text("[data-sensor=page-faults]");
    await waitFor("a newer value", async () => {
      const value = await visitor.text("[data-sensor=page-faults]");
      return /\d/.test(value) && value !== before;
    });
  },
  "/system": async (visitor) => {
    await visitor.sees(line, "Live");
    await visitor.sees("[data-tile=CPU] [data-testid=value]", /^\d+ %$/);
  },
  "/notifications": async (visitor) => {
    await visitor.sees(line, "Live");
    await visitor.fill("#post-send", "Hello from Firefox");
    await visitor.click("[aria-labelledby=card-chat] button[type=submit]");
    await visitor.sees("[aria-labelledby=card-chat] [role=log]", "Hello from Firefox");
  },
  "/progress": async (visitor) => {
    await visitor.sees(line, "Live");
    await visitor.click("[aria-labelledby=card-task] header button");
    await visitor.sees("[aria-labelledby=card-task] li", /Running[^]*[1-9]\d* of 200 rounds/);
  },
  "/scores": async (visitor) => {
    await visitor.sees(line, "Live");
    await visitor.sees("[data-testid=match-status]", "Playing");
    const before = await visitor.text("[data-testid=match-time]");
    await visitor.sees("[data-testid=match-time]", new RegExp(`^(?!${before})`));
  },
};

it.each(Object.keys(signs))("%s is live in Firefox, without a violation", async (path) => {
  await using visitor = await visitors.open(app.url + path);
  await signs[path]?.(visitor);
  expect(await visitor.violations()).toEqual([]);
});
