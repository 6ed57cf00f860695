import type { ReactNode } from "react";

/** A page with one notice, for example an error. */
export function NoticePage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto grid max-w-md justify-items-center gap-4 py-16 text-center">
      <h1 className="text-2xl font-semibold tracking-tight text-balance">{title}</h1>
      {children}
    </div>
  );
}
