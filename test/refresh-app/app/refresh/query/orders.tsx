"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRefresh } from "sse-bus/react";
import { OrderList } from "../order-list";
import { fetchOrders } from "../fetch-orders";

const queryKey = ["orders"];

export function Orders() {
  const { data } = useQuery({ queryKey, queryFn: fetchOrders });
  const queryClient = useQueryClient();
  useRefresh("orders", async () => {
    // A first load that is still under way may have missed the change, and would not be repeated.
    await queryClient.cancelQueries({ queryKey });
    await queryClient.invalidateQueries({ queryKey });
  });
  return <OrderList orders={data} />;
}
