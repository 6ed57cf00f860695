"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { useEffect, useRef } from "react";
import { pages } from "./pages";

/** The links scroll sideways on a phone. */
export function SiteNav() {
  const pathname = usePathname();
  const nav = useRef<HTMLElement>(null);

  useEffect(() => {
    // On a phone not all links fit: scroll to the current one.
    const here = nav.current?.querySelector<HTMLElement>("[aria-current=page]");
    if (!nav.current || !here) return;
    const middle = here.offsetLeft - nav.current.offsetLeft + here.offsetWidth / 2;
    nav.current.scrollLeft = middle - nav.current.clientWidth / 2;
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- another page, another place
  }, [pathname]);

  return (
    <nav
      ref={nav}
      aria-label="Pages"
      className="min-w-0 flex-1 overflow-x-auto px-3 mask-x-from-[calc(100%-0.75rem)]"
    >
      <ul className="flex gap-1">
        {pages.map(({ href, label }) => (
          <li key={href}>
            <Link
              href={href}
              // A prefetch is `no-store`, which keeps this page out of Chromium's back-forward cache.
              prefetch={false}
              aria-current={pathname === href ? "page" : undefined}
              className="block rounded-md px-2.5 py-1.5 text-sm whitespace-nowrap text-muted -outline-offset-2 hover:text-ink aria-[current=page]:font-medium aria-[current=page]:text-ink"
            >
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
