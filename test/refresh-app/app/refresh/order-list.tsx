import type { Order } from "@/lib/orders";

export function OrderList({ orders }: { readonly orders: readonly Order[] | undefined }) {
  if (!orders) return "Loading …";
  return (
    <ul>
      {orders.map(({ id, status }) => (
        <li key={id}>
          Order {id}: {status}
        </li>
      ))}
    </ul>
  );
}
