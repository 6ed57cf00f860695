import { publish } from "@/lib/sse-bus";

export async function ship(id: string): Promise<void> {
  await publish("shipped", { channel: `orders/${id}`, event: "status" });
}
