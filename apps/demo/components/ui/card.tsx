import type { ReactNode } from "react";

interface CardProps {
  title: string;
  /** Beside the title, for example a badge. */
  aside?: ReactNode;
  /** Controls at the end of the title's row. */
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A titled part of a page. Children set their own padding, so that a list can span the full width. */
export function Card({ title, aside, actions, className = "", children }: CardProps) {
  const titleId = `card-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  return (
    <section
      aria-labelledby={titleId}
      className={`min-w-0 overflow-hidden rounded-xl border border-line bg-surface ${className}`}
    >
      <header className="flex min-h-14 flex-wrap items-center gap-x-2 gap-y-2 sm:gap-x-3 border-b border-line px-4 py-1.5 sm:px-5">
        <h2 id={titleId} className="font-semibold tracking-tight">
          {title}
        </h2>
        {aside}
        {actions && <div className="ml-auto flex items-center gap-1">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
