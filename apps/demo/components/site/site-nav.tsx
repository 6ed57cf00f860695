"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { pages } from "./pages";

/** All links, on as many rows as they need. */
export function SiteNav() {
  const pathname = usePathname();
  return (
    <nav aria-label="Pages" className="-mx-2 basis-full pr-11 lg:basis-0 lg:grow lg:pr-0">
      <ul className="flex flex-wrap">
        {pages.map(({ href, label }) => (
          <li key={href}>
            <Link
              href={href}
              // A prefetch is `no-store`, which keeps this page out of Chromium's back-forward cache.
              prefetch={false}
              aria-current={pathname === href ? "page" : undefined}
              className="nav-link"
            >
              <span>{label}</span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
