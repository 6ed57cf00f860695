import { SseProvider, useChannel, useRefresh, useSse, useSseStatus } from "sse-bus/react";
import { same } from "./same.ts";

type Order = { total: number };

export function Page({ cursor }: { readonly cursor: string }) {
  const text = useChannel("default");
  same<typeof text.data, string | undefined>();
  if (text.status === "failed") same<typeof text.error.message, string>();
  if (text.status === "open") same<typeof text.error, undefined>();

  const order = useChannel("orders/42", { event: "message", initial: { total: 0 }, cursor });
  same<typeof order.data, Order>();

  const totals = useChannel("orders/*", {
    event: "message",
    keep: 10,
    select: (data, message) => {
      same<typeof data, Order>();
      same<typeof message.event, "message">();
      return data.total;
    },
  });
  same<typeof totals.data, readonly number[]>();

  const sum = useChannel("orders/*", {
    event: "message",
    initial: 0,
    reduce: (state, { total }) => state + total,
    onMessage: (data) => same<typeof data, Order>(),
  });
  same<typeof sum.data, number>();

  const tick = useChannel("clock", { event: "tick", initial: { at: "1970-01-01" } });
  same<typeof tick.data, { at: string }>();
  // @ts-expect-error -- a Date arrives as a string, also as the initial value
  useChannel("clock", { event: "tick", initial: { at: new Date(0) } });

  useRefresh("orders/*", () => {}, { event: "message", cursor, windowMs: 500 });
  // @ts-expect-error -- the channel has no such event
  useRefresh("orders/42", () => {}, { event: "nothing" });
  // @ts-expect-error -- the channel is not declared
  useRefresh("nowhere", () => {});

  // @ts-expect-error -- the channel is not declared
  useChannel("nowhere");
  // @ts-expect-error -- the channel has no such event
  useChannel("orders/42", { event: "shipped" });
  // @ts-expect-error -- an initial value of another type
  useChannel("default", { initial: 42 });

  const client = useSse();
  client.subscribe("orders/7", (_, { channel }) => same<typeof channel, string>());
  const { status } = useSseStatus();
  return (
    <SseProvider url="/api/sse" token={async () => "t"} identity="ann">
      {status} {text.data} {order.data.total} {totals.data.join()} {sum.data.toFixed()}
    </SseProvider>
  );
}
