import { publish } from "@/lib/sse-bus";

export async function ship(order: { id: string }): Promise<void> {
  await publish("shipped", { channel: `orders/${order.id}`, event: "status" });
}
