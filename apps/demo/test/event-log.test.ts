import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createEventLog } from "../features/event-log/event-log";

const intervalMs = 100;
const maxRows = 5;

function start() {
  const log = createEventLog({ maxRows, intervalMs });
  const listener = vi.fn();
  const unsubscribe = log.subscribe(listener);
  const append = (id: string) => log.append({ time: 0, event: "message", id, data: "{}" });
  const ids = () => log.getSnapshot().rows.map((row) => row.id);
  return { log, listener, unsubscribe, append, ids };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the event log", () => {
  it("shows an event immediately when none arrived just before", () => {
    const { append, ids, listener } = start();
    append("a");
    expect(ids()).toEqual(["a"]);
    vi.advanceTimersByTime(intervalMs);
    append("b");
    expect(ids()).toEqual(["b", "a"]);
    expect(listener).toHaveBeenCalledTimes(2);
  });

  it("notifies once per interval during a burst, and shows its last event at the end", () => {
    const { log, append, ids, listener } = start();
    for (let count = 1; count <= 10_000; count++) append(String(count));
    expect(listener).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(intervalMs);
    expect(listener).toHaveBeenCalledTimes(2);
    expect(ids()).toEqual(["10000", "9999", "9998", "9997", "9996"]);
    expect(log.getSnapshot().total).toBe(10_000);
  });

  it("marks the events of a burst, and not a single event", () => {
    const { log, append } = start();
    append("alone");
    for (const id of ["a", "b", "c", "d"]) append(id);
    vi.advanceTimersByTime(intervalMs);
    const crowded = log.getSnapshot().rows.map((row) => row.crowded);
    expect(crowded).toEqual([true, true, true, true, false]);
  });

  it("gives every row a unique key, even when ids repeat", () => {
    const { log, append } = start();
    append("same");
    append("same");
    vi.advanceTimersByTime(intervalMs);
    const keys = log.getSnapshot().rows.map((row) => row.key);
    expect(new Set(keys).size).toBe(2);
  });

  it("holds and counts events while paused, and shows them after the resume", () => {
    const { log, append, ids } = start();
    append("a");
    log.setPaused(true);
    append("b");
    append("c");
    vi.advanceTimersByTime(intervalMs * 2);
    expect(ids()).toEqual(["a"]);
    expect(log.getSnapshot()).toMatchObject({ held: 2, paused: true });
    log.setPaused(false);
    expect(ids()).toEqual(["c", "b", "a"]);
    expect(log.getSnapshot().held).toBe(0);
  });

  it("removes shown and held events when cleared, and continues to count", () => {
    const { log, append, ids } = start();
    append("a");
    append("b");
    log.clear();
    expect(ids()).toEqual([]);
    append("c");
    vi.advanceTimersByTime(intervalMs);
    expect(ids()).toEqual(["c"]);
    expect(log.getSnapshot()).toMatchObject({ total: 3, held: 0 });
  });

  it("leaves no timer after the last reader has unsubscribed", () => {
    const { append, unsubscribe } = start();
    append("a");
    append("b");
    expect(vi.getTimerCount()).toBe(1);
    unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
  });
});
