import { describe, expect, it } from "vitest";

import { createServerClock } from "../lib/server-clock.ts";

describe("the server's clock on a page", () => {
  it("uses the fastest of the last samples, because each arrives late", () => {
    let local = 0;
    const clock = createServerClock(() => local);
    const server = () => 1_000_000 + local;
    for (const delayMs of [250, 40, 900, 120]) {
      const sentAt = server();
      local += delayMs;
      clock.observe(sentAt);
      local += 1_000;
    }
    expect(server() - clock.now()).toBe(40);
    // What comes from history is very late, and changes nothing.
    clock.observe(server() - 3_600_000);
    expect(server() - clock.now()).toBe(40);
  });

  it("follows a clock that drifts, because old samples are dropped", () => {
    let local = 0;
    const clock = createServerClock(() => local);
    // The page's clock is slow: the server's goes 1 % faster, far more than any real one.
    const server = () => local * 1.01;
    for (; local < 600_000; local += 1_000) clock.observe(server());
    expect(Math.abs(server() - clock.now())).toBeLessThan(20);
    // And one that is fast: the oldest sample that counts is two minutes old.
    const late = createServerClock(() => local);
    const slow = () => local * 0.99;
    for (const end = local + 600_000; local < end; local += 1_000) late.observe(slow());
    expect(Math.abs(slow() - late.now())).toBeLessThan(1_300);
  });

  it("uses the assumed time until the first sample", () => {
    let local = 50;
    const clock = createServerClock(() => local);
    clock.assume(9_000_000);
    local += 500;
    expect(clock.now()).toBe(9_000_500);
    // The word of a server whose clock was ahead must not outlast the first sample.
    clock.observe(1_000_000);
    expect(clock.now()).toBe(1_000_000);
  });

  it("uses the page's clock without a sample or an assumed time", () => {
    expect(Math.abs(createServerClock().now() - Date.now())).toBeLessThan(100);
  });
});
