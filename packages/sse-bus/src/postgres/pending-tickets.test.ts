import { expect, test } from "vitest";
import { createPendingTickets } from "./pending-tickets.ts";

test("the first look is at everything, and stays so until one has been taken", () => {
  const tickets = createPendingTickets(() => 0);
  expect(tickets.after).toBe(0);
  tickets.taken(50, 0);
  expect(tickets.after).toBe(0);
});

test("a ticket is passed over only ten seconds after it was seen, since an older one may still commit", () => {
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

test("once a minute, or when asked to, it looks at everything again, until that was done", () => {
  let now = 0;
  const tickets = createPendingTickets(() => now);
  tickets.taken(10, 0);
  now = 30_000;
  expect(tickets.after).toBe(10);
  now = 60_000;
  expect(tickets.after).toBe(0);
  // The end of a look that began before it was due is not that look.
  tickets.taken(30, 10);
  expect(tickets.after).toBe(0);
  tickets.taken(30, 0);
  expect(tickets.after).toBe(10);
  tickets.checkAll();
  expect(tickets.after).toBe(0);
});
