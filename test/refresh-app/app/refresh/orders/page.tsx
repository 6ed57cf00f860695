import { connection } from "next/server";
import { Suspense } from "react";
import { bus, listOrders } from "@/lib/orders";
import { RefreshOn } from "../refresh-on";

export default function Page() {
  return (
    <Suspense fallback="Loading …">
      <Orders />
    </Suspense>
  );
}

async function Orders() {
  await connection();
  const { data, cursor } = await bus.snapshot(listOrders);
  return (
    <ul>
      {data.map(({ id, status }) => (
        <li key={id}>
          Order {id}: {status}
        </li>
      ))}
      <RefreshOn channel="orders" cursor={cursor} />
    </ul>
  );
}
