import { revalidateTag } from "next/cache";
import { bus } from "@/lib/orders";

/** Called after an order has changed. */
export async function POST(): Promise<Response> {
  revalidateTag("orders", { expire: 0 });
  await bus.publish("changed", { channel: "orders" });
  return new Response(null, { status: 204 });
}
