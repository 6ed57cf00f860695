import Link from "next/link";
import type { ReactNode } from "react";
import { SseProvider } from "sse-bus/react";

export default function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <SseProvider url="/refresh/sse">
      <Link href="/refresh/orders" prefetch={false}>
        Orders
      </Link>
      <Link href="/refresh/query" prefetch={false}>
        Query
      </Link>
      <section>{children}</section>
    </SseProvider>
  );
}
