"use client";
import { useChannel } from "sse-bus/react";

export function OrderStatus({ id }: { id: string }) {
  const { data, status } = useChannel<string>(`orders/${id}`, { event: "status" });
  return <p data-live={status === "open"}>{data ?? "waiting"}</p>;
}
