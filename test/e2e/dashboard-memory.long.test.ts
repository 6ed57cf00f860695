import type { CDPSession, Page } from "playwright-core";
import { expect, test } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { startDemo } from "../support/demo-app.ts";
import { quantile } from "../support/quantile.ts";
import { waitFor } from "../support/wait-for.ts";

const minutes = 10;
/** Sparklines and charts fill, and the engine compiles: memory is not measured yet. */
const warmUpMs = 60_000;
const sampleMs = 20_000;
/** A requested rate lasts two minutes. */
const askEvery = 4;

interface Sample {
  heapBytes: number;
  nodes: number;
  listeners: number;
  updates: number;
  frames: number;
  /** The load of the page's thread, between 0 and 1, since the previous sample. */
  busy: number;
}

// The page draws a frame whenever the browser requests one. Their number depends on the screen and
// the machine. The page's thread must have time for sixty, so both are checked.
test(`/dashboard at 2,000 updates a second keeps the memory of its tab flat for ${minutes} minutes`, async () => {
  await using app = await startDemo();
  await using browser = await launchChromium();
  await using page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await page.goto(`${app.url}/dashboard`);
  await page.getByTestId("connection-state").getByText("Live").waitFor();
  await ask(page);
  await pause(warmUpMs);
  await ask(page);

  const samples: Sample[] = [];
  let last = await metrics(session);
  for (let count = 1; count <= (minutes * 60_000) / sampleMs; count++) {
    if (count % askEvery === 0) await ask(page);
    await pause(sampleMs);
    // A collection pauses the page, so its numbers of the last second are read first.
    const updates = await stat(page, "Updates per second");
    const frames = await stat(page, "Frames per second");
    const spent = await metrics(session);
    const busy = (spent.TaskDuration - last.TaskDuration) / (spent.Timestamp - last.Timestamp);
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize: heapBytes } = await session.send("Runtime.getHeapUsage");
    last = await metrics(session);
    const { Nodes: nodes, JSEventListeners: listeners } = last;
    samples.push({ heapBytes, nodes, listeners, updates, frames, busy });
  }

  const third = Math.floor(samples.length / 3);
  // A collection leaves some objects in use: the page's memory is the smallest measured.
  const early = (read: (sample: Sample) => number) =>
    Math.min(...samples.slice(0, third).map(read));
  const late = (read: (sample: Sample) => number) => Math.min(...samples.slice(-third).map(read));
  const whole = (read: (sample: Sample) => number) => median(samples.map(read));
  const kB = (bytes: number) => `${(bytes / 1_000).toFixed(0)} kB`;
  console.log(
    [
      `heap ${kB(early((one) => one.heapBytes))} → ${kB(late((one) => one.heapBytes))}`,
      `nodes ${early((one) => one.nodes)} → ${late((one) => one.nodes)}`,
      `listeners ${early((one) => one.listeners)} → ${late((one) => one.listeners)}`,
      `${whole((one) => one.updates)} updates/s`,
      `${whole((one) => one.frames)} frames/s`,
      `thread ${(whole((one) => one.busy) * 100).toFixed(0)} % busy`,
    ].join(", "),
  );
  expect(whole((one) => one.updates)).toBeGreaterThan(1_500);
  expect(late((one) => one.heapBytes) - early((one) => one.heapBytes)).toBeLessThan(500_000);
  expect(late((one) => one.nodes) - early((one) => one.nodes)).toBeLessThan(50);
  expect(late((one) => one.listeners) - early((one) => one.listeners)).toBeLessThan(5);
  expect(whole((one) => one.frames)).toBeGreaterThan(20);
}, 900_000);

/** Selects another rate in between, because the selected one cannot be selected again. */
async function ask(page: Page): Promise<void> {
  for (const rate of ["1000", "2000"]) {
    await page.locator(`input[value='${rate}']`).click();
    await waitFor("the rate", async () => page.locator(`input[value='${rate}']`).isChecked());
  }
}

async function stat(page: Page, name: string): Promise<number> {
  const text = await page.locator(`[data-stat="${name}"] dd`).innerText();
  return Number(text.replaceAll(",", ""));
}

async function metrics(session: CDPSession) {
  const { metrics: list } = await session.send("Performance.getMetrics");
  const read = (name: string) => list.find((one) => one.name === name)?.value ?? Number.NaN;
  return {
    Timestamp: read("Timestamp"),
    TaskDuration: read("TaskDuration"),
    Nodes: read("Nodes"),
    JSEventListeners: read("JSEventListeners"),
  };
}

/** The duration is what this test is about: there is no event to await. */
async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

const median = (values: readonly number[]): number => quantile(values, 0.5);
