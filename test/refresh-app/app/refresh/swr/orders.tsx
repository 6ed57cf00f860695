"use client";

import useSWR from "swr";
import { useRefresh } from "sse-bus/react";
import { OrderList } from "../order-list";
import { fetchOrders } from "../fetch-orders";

export function Orders() {
  const { data, mutate } = useSWR("orders", fetchOrders);
  useRefresh("orders", () => mutate());
  return <OrderList orders={data} />;
}
