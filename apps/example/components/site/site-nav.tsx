"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { pages } from "./pages";

/** Scrolls sideways inside itself on a phone, so that more pages never break the header. */
export function SiteNav() {
  const pathname = usePathname();
  return (
    <nav aria-label="Pages" className="min-w-0 flex-1 overflow-x-auto">
      <ul className="flex gap-1">
        {pages.map(({ href, label }) => (
          <li key={href}>
            <Link
              href={href}
              // A prefetched page is `no-store`; Chromium then keeps this one out of the back-forward cache.
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
