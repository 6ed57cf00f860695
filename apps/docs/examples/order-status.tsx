"use client";
import { useChannel } from "sse-bus/react";

export function OrderStatus({ id }: { id: string }) {
  const { data } = useChannel<string>(`orders/${id}`, { event: "status" });
  return <p>{data ?? "Waiting for news …"}</p>;
}
