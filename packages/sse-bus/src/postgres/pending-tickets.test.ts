import { expect, test } from "vitest";
import { createPendingTickets } from "./pending-tickets.ts";

test("searches start at the first ticket until one search is done", () => {
  const tickets = createPendingTickets(() => 0);
  expect(tickets.after).toBe(0);
  tickets.taken(50, 0);
  expect(tickets.after).toBe(0);
});

test("a ticket is skipped only ten seconds after it was seen, because an older one may still commit", () => {
  let now = 0;
  const tickets = createPendingTickets(() => now);
  tickets.taken(10, 0);
  now = 5000;
  tickets.taken(20, 0);
  now = 9999;
  expect(tickets.after).toBe(0);
  now = 10_000;
  expect(tickets.after).toBe(10);
  now = 19_999;
  expect(tickets.after).toBe(10);
  now = 20_000;
  expect(tickets.after).toBe(20);
});

test("once a minute, or when asked to, a search starts at the first ticket again", () => {
  let now = 0;
  const tickets = createPendingTickets(() => now);
  tickets.taken(10, 0);
  now = 30_000;
  expect(tickets.after).toBe(10);
  now = 60_000;
  expect(tickets.after).toBe(0);
  // The end of a search that began before it was due does not count as that search.
  tickets.taken(30, 10);
  expect(tickets.after).toBe(0);
  tickets.taken(30, 0);
  expect(tickets.after).toBe(10);
  tickets.checkAll();
  expect(tickets.after).toBe(0);
});
