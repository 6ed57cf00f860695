import { expect, onTestFinished, test, vi } from "vitest";

import { createDeadlineClock } from "./deadline-clock.ts";

const AHEAD_MS = 5_000;

test.each([
  ["the query waited for a connection", 390, 5],
  ["the response was read late", 5, 390],
  ["nothing took long", 2, 2],
])("a deadline is never later by the server's clock than by this one: %s", (_, there, back) => {
  const sent = 1000;
  const answered = sent + there;
  const received = answered + back;
  const clock = createDeadlineClock(() => received);
  clock.sample(answered + AHEAD_MS, sent, received);
  const deadline = Number(clock.in(1000)) - AHEAD_MS;
  expect(deadline).toBe(received + 1000 - back);
});

test("a slow answer does not replace a better estimate", () => {
  const now = 10_000;
  const clock = createDeadlineClock(() => now);
  clock.sample(now, now - 3000, now + 3000);
  expect(clock.in(0), "the first one is better than none").toBe(String(now - 3000));
  clock.sample(now, now - 900, now + 900);
  expect(clock.in(0), "a better one").toBe(String(now - 900));
  clock.sample(now + 7, now, now);
  clock.sample(now, now - 900, now + 900);
  expect(clock.in(0)).toBe(String(now + 7));
});

test("a jump of this machine's clock does not move a deadline", () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const clock = createDeadlineClock();
  clock.sample(1_000_000, clock.now(), clock.now());
  const before = Number(clock.in(1000));
  for (const stepMs of [3_600_000, -7_200_000]) {
    vi.setSystemTime(Date.now() + stepMs);
    expect(Math.abs(Number(clock.in(1000)) - before)).toBeLessThan(1000);
  }
});
