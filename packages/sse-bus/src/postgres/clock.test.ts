import { expect, onTestFinished, test, vi } from "vitest";

import { createClock } from "./clock.ts";

const AHEAD_MS = 5_000;

test.each([
  ["the question waited for a connection", 390, 5],
  ["the answer was read late", 5, 390],
  ["nothing took long", 2, 2],
])("a deadline is never later by the server's clock than by this one: %s", (_, there, back) => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const clock = createClock();
  const sent = Date.now();
  const answered = sent + there;
  vi.setSystemTime(answered + back);
  clock.sample(answered + AHEAD_MS, sent, Date.now());
  const deadline = Number(clock.in(1000)) - AHEAD_MS;
  expect(deadline).toBe(Date.now() + 1000 - back);
});

test("an answer that took long does not replace what is known better", () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const clock = createClock();
  const now = Date.now();
  clock.sample(now, now - 3000, now + 3000);
  expect(clock.in(0), "the first one is better than none").toBe(String(now - 3000));
  clock.sample(now, now - 900, now + 900);
  expect(clock.in(0), "a better one").toBe(String(now - 900));
  clock.sample(now + 7, now, now);
  clock.sample(now, now - 900, now + 900);
  expect(clock.in(0)).toBe(String(now + 7));
});
