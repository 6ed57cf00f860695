import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import {
  browserNames,
  launchTestBrowser,
  type Tab,
  type TestBrowser,
} from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

// Cookies do not depend on the port, so both instances know a visitor by the same one.

const connection = "[data-testid=connection-state]";
const state = "[data-testid=chat-state]";
const command = "[data-command=ask-stop]";
const answer = "li[data-role=assistant]:last-child";
/** Longer than any test: the mock model gives 20 words a second. */
const endless = "Count to 2000";

let redis: RedisServer;
let apps: NextServer[] = [];
let one: NextServer;
let other: NextServer;
beforeAll(async () => {
  redis = await startRedis();
  const env = { SSE_BUS_URL: redis.url };
  apps = await Promise.all([startDemo({ env }), startDemo({ env })]);
  [one, other] = apps as [NextServer, NextServer];
});
afterAll(async () => {
  for (const each of [...apps, redis]) await each?.[Symbol.asyncDispose]();
});

describe.each(browserNames)("useChat in %s, on two instances", (name) => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("an answer survives a reload, is followed by a second window, and stopped from there", async () => {
    await using first = await openChat(browser, one);
    await ask(first, endless);
    await shows(first, answer, /\b20\b/);

    // In the middle of the answer: a second window, and a reload, both on the other instance.
    await using second = await first.openTab(`${other.url}/chat`);
    await shows(second, answer, /1 2 3 [^]*\b20\b/);
    await first.bringToFront();
    await first.goto(`${other.url}/chat`);
    await shows(first, state, "Answering");
    await shows(first, answer, /1 2 3 [^]*\b30\b/);

    await second.bringToFront();
    await second.click(command);
    for (const tab of [second, first]) await shows(tab, answer, "Stopped here.");
    await waitFor("both windows to show the same", async () => {
      const text = await textOf(first);
      return isCount(text) && text === (await textOf(second));
    });
  });

  it("a window that is open already follows what another one asks", async () => {
    await using first = await openChat(browser, one);
    await using second = await first.openTab(`${other.url}/chat`);
    await shows(second, connection, "Live");
    await first.bringToFront();
    await ask(first, "Count to 40");
    await second.bringToFront();
    await shows(second, answer, /1 2 3/);
    for (const tab of [first, second]) {
      await shows(tab, state, "Ready");
      const text = await textOf(tab);
      expect([isCount(text), text.endsWith(" 40")]).toEqual([true, true]);
    }
    // Nothing runs any more, so a reload shows what is saved.
    const before = await textOf(first);
    await first.goto(`${one.url}/chat`);
    await shows(first, connection, "Live");
    expect(await textOf(first)).toBe(before);
  });

  it("a window reads on after its instance has restarted", async () => {
    await using reader = await openChat(browser, one);
    await using asker = await reader.openTab(`${other.url}/chat`);
    await shows(asker, connection, "Live");
    await ask(asker, endless);
    await reader.bringToFront();
    await shows(reader, answer, /\b20\b/);
    await one.stop();
    await shows(reader, state, "Interrupted");
    await one.start();
    await shows(reader, state, "Answering");
    const last = Number((await textOf(reader)).trim().split(" ").at(-1));
    await shows(reader, answer, new RegExp(`\\b${last + 20}\\b`));
    expect(isCount(await textOf(reader))).toBe(true);
    await reader.click(command);
    await shows(reader, answer, "Stopped here.");
  });
});

describe("an instance that is killed in the middle of an answer", () => {
  it("leaves its readers with an error, and the next question is answered", async () => {
    await using browser = await launchTestBrowser("Chromium");
    await using reader = await openChat(browser, one);
    await using asker = await reader.openTab(`${other.url}/chat`);
    await shows(asker, connection, "Live");
    await ask(asker, endless);
    await reader.bringToFront();
    await shows(reader, answer, /\b20\b/);
    await other.kill();
    await shows(reader, "#question-outcome", "The answer was interrupted");
    await ask(reader, "Count to 3");
    await shows(reader, answer, "1 2 3");
    await shows(reader, state, "Ready");
    await other.start();
  });
});

describe("a chat", () => {
  it("is read and stopped by its own visitor only", async () => {
    const id = "0123456789abcdef0123456789abcdef";
    for (const cookie of ["", `sse_bus_visitor=${"A".repeat(43)}`]) {
      const headers = { cookie };
      const url = `${one.url}/api/chat`;
      const message = { id: "m", parts: [{ type: "text", text: "Who are you?" }] };
      const responses = [
        await fetch(`${url}/${id}/stream`, { headers }),
        await fetch(`${url}/${id}/stop`, { method: "POST", headers }),
        await fetch(url, { method: "POST", headers, body: JSON.stringify({ id, message }) }),
        await fetch(`${url}/events?channel=chats/${id}`, { headers }),
      ];
      expect(responses.map(({ status }) => status)).toEqual([403, 403, 403, cookie ? 403 : 401]);
    }
  });
});

async function openChat(browser: TestBrowser, app: NextServer): Promise<Tab> {
  const tab = await browser.open(`${app.url}/chat`);
  await shows(tab, connection, "Live");
  return tab;
}

async function ask(tab: Tab, question: string): Promise<void> {
  await tab.bringToFront();
  await tab.fill("#question", question);
  await tab.press("Enter");
}

/** Two browsers and two instances share the machine. After a kill, three leases pass as well. */
async function shows(tab: Tab, selector: string, text: string | RegExp): Promise<void> {
  await tab.waitForText(selector, text, { timeoutMs: 40_000 });
}

/** The text of the newest answer. */
async function textOf(tab: Tab): Promise<string> {
  return tab.text(`${answer} [data-testid=message-text]`);
}

/** Whether no number is missing or doubled. */
function isCount(text: string): boolean {
  return text
    .trim()
    .split(" ")
    .every((word, index) => word === String(index + 1));
}
