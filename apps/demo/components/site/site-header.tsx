import Link from "next/link";
import { SiteNav } from "./site-nav";
import { ThemeToggle } from "./theme-toggle";
import { Wordmark } from "./wordmark";

/** One row on a desktop. On smaller screens the links wrap below the name, so that none is hidden. */
export function SiteHeader() {
  return (
    <header className="border-b border-line bg-surface">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-10 focus:m-2 focus:rounded-md focus:bg-ink focus:px-4 focus:py-3 focus:text-sm focus:font-medium focus:text-canvas"
      >
        Skip to content
      </a>
      <div className="relative mx-auto flex max-w-7xl flex-wrap items-center gap-x-6 px-4 py-1 sm:px-6 lg:min-h-14 lg:flex-nowrap lg:px-8">
        <Link href="/" aria-label="sse-bus, home" className="flex min-h-11 items-center rounded-md">
          <Wordmark />
        </Link>
        <p className="min-w-0 flex-1 truncate text-right text-xs text-muted sm:text-sm lg:hidden">
          Real-time updates for Next.js
        </p>
        <SiteNav />
        {/* Below the name on small screens, so that the order on the screen is the order of the focus. */}
        <div className="absolute right-2 bottom-1 sm:right-4 lg:static">
          <ThemeToggle />
        </div>
      </div>
    </header>
  );
}
