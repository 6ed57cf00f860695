import type { ReactNode } from "react";

export const metadata = { title: "sse-bus" };

export default function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en" style={{ colorScheme: "light dark" }}>
      <body>{children}</body>
    </html>
  );
}
