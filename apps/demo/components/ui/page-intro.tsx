import type { ReactNode } from "react";

/** A page's title and a short description. */
export function PageIntro({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mb-8">
      <h1 className="max-w-2xl text-3xl font-semibold tracking-tight text-balance sm:text-4xl">
        {title}
      </h1>
      <p className="mt-3 max-w-2xl text-base/7 text-pretty text-muted">{children}</p>
    </div>
  );
}
