import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import { SiteFooter } from "@/components/site/site-footer";
import { SiteHeader } from "@/components/site/site-header";
import { themeScript } from "@/components/site/theme";
// oxlint-disable-next-line import/no-unassigned-import -- a stylesheet exports nothing
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "sse-bus: live updates for Next.js over plain HTTP", template: "%s · sse-bus" },
  description:
    "Real-time server-to-browser updates for the Next.js App Router with Server-Sent Events: publish anywhere, show it in every open page, and lose nothing on a reconnect.",
};

export const viewport: Viewport = {
  colorScheme: "light dark",
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#ffffff" },
    { media: "(prefers-color-scheme: dark)", color: "#14171c" },
  ],
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    // A script sets `data-theme` before React hydrates; the server does not know the theme.
    <html lang="en" suppressHydrationWarning>
      <head>
        <script dangerouslySetInnerHTML={{ __html: themeScript }} />
      </head>
      <body className="flex min-h-dvh flex-col">
        <SiteHeader />
        <main
          id="content"
          tabIndex={-1}
          className="mx-auto w-full max-w-7xl flex-1 px-4 py-6 outline-none sm:px-6 sm:py-10 lg:px-8"
        >
          {children}
        </main>
        <SiteFooter />
      </body>
    </html>
  );
}
