import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import { Providers } from "@/components/providers.tsx";
// oxlint-disable-next-line import/no-unassigned-import -- a stylesheet exports nothing
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "sse-bus: real-time updates for Next.js", template: "%s · sse-bus" },
  description:
    "Real-time server-to-browser updates for the Next.js App Router over plain HTTP, with Server-Sent Events.",
};

export const viewport: Viewport = {
  colorScheme: "light dark",
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#fbfbfc" },
    { media: "(prefers-color-scheme: dark)", color: "#0f1116" },
  ],
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    // A script sets the theme before React hydrates; the server does not know it.
    <html lang="en" suppressHydrationWarning>
      <body>
        <a href="#content" className="skip-link">
          Skip to content
        </a>
        <Providers>{children}</Providers>
      </body>
    </html>
  );
}
