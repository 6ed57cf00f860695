import type { ReactNode } from "react";

/** A page's title and a short description. */
export function PageIntro({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mb-6 sm:mb-8">
      <h1 className="max-w-5xl text-2xl font-semibold tracking-tight text-balance sm:text-3xl">
        {title}
      </h1>
      <p className="mt-2 max-w-3xl text-base/6.5 sm:text-base/7 text-pretty text-muted">
        {children}
      </p>
    </div>
  );
}
