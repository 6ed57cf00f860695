import { counters, defineLive, lastMessages, type Live, newestByKey, newestValue } from "sse-bus";
import { useLive } from "sse-bus/react";
import { bus } from "./bus.ts";
import { same } from "./same.ts";

// Lines that must not compile are marked; typed-app.test.ts compiles this folder.

type Order = { total: number };

const total = defineLive({
  channel: "orders/*",
  event: "message",
  initial: 0,
  reduce: (sum, order, message) => {
    same<typeof order, Order>();
    same<typeof message.channel, string>();
    return sum + order.total;
  },
});
same<typeof total, Live<number, "orders/*", Order>>();

const all = defineLive({
  channel: "orders/42",
  initial: [] as readonly string[],
  reduce: (value, data) => {
    same<typeof data, Order | { why: string }>();
    return [...value, "why" in data ? data.why : "order"];
  },
});
same<typeof all, Live<readonly string[], "orders/42", Order | { why: string }>>();

const newest = defineLive({ channel: "default", reduce: newestValue() });
const started = defineLive({ channel: "default", initial: "none", reduce: newestValue() });
const byId = defineLive({ channel: "orders/*", event: "message", reduce: newestByKey("id") });
const last = defineLive({ channel: "clock", event: "tick", reduce: lastMessages(5) });
const sums = defineLive({
  channel: "orders/*",
  event: "message",
  reduce: counters({ orders: () => 1, revenue: (order: Order) => order.total }),
});

const parsed = defineLive({
  channel: "orders/*",
  validate: (data: unknown): data is { id: number } => typeof data === "object",
  initial: 0,
  reduce: (value, data) => {
    same<typeof data, { id: number }>();
    return value + data.id;
  },
});
same<typeof parsed, Live<number, "orders/*", { id: number }>>();
const own = defineLive({ channel: "orders/*", reduce: lastMessages<{ mine: true }>(5) });

// @ts-expect-error -- the channel is not declared
defineLive({ channel: "nowhere", reduce: newestValue() });
// @ts-expect-error -- the channel has no such event
defineLive({ channel: "orders/*", event: "shipped", reduce: newestValue() });
// @ts-expect-error -- the data is of another type
defineLive({ channel: "default", initial: 0, reduce: (_, data: number) => data });
// @ts-expect-error -- the value is of another type
defineLive({ channel: "default", initial: 0, reduce: () => "text" });

export async function Page() {
  const snapshot = await total.read(bus);
  same<typeof snapshot.value, number>();
  const sum = useLive(total, snapshot);
  same<typeof sum.data, number>();
  if (sum.status === "failed") same<typeof sum.error.message, string>();
  same<ReturnType<typeof useLive<string | undefined>>["data"], string | undefined>();
  const text = useLive(newest, await newest.read(bus));
  same<typeof text.data, string | undefined>();
  same<Awaited<ReturnType<typeof started.read>>["value"], string>();
  const orders = useLive(byId, await byId.read(bus), { enabled: true });
  same<typeof orders.data, Readonly<Record<string, Order>>>();
  const ticks = useLive(last);
  const at: string | undefined = ticks.data[0]?.data.at;
  const { data } = useLive(sums, await sums.read(bus));
  same<typeof data, Readonly<Record<"orders" | "revenue", number>>>();
  const mine: true | undefined = useLive(own).data[0]?.data.mine;
  // @ts-expect-error -- a snapshot of another live value
  useLive(total, await newest.read(bus));
  return [sum.data, at, mine, useLive(all).data, useLive(parsed).data];
}
