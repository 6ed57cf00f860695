import type { Order } from "@/lib/orders";

export async function fetchOrders(): Promise<readonly Order[]> {
  const response = await fetch("/refresh/list");
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return (await response.json()) as Order[];
}
