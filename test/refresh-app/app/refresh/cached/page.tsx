import { cacheTag } from "next/cache";
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
  const { data, cursor } = await readOrders();
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

async function readOrders() {
  "use cache";
  cacheTag("orders");
  return bus.snapshot(listOrders);
}
