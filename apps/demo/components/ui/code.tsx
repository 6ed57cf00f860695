import type { ReactNode } from "react";
import { CopyButton } from "./copy-button";

/** Inline code. */
export function Code({ children }: { children: ReactNode }) {
  return (
    <code className="rounded-sm border border-line bg-sunken px-1 py-px font-mono text-[0.875em] break-words">
      {children}
    </code>
  );
}

/** A command with a copy button. Long commands wrap. */
export function Command({ children }: { children: string }) {
  return (
    <div className="flex items-center gap-2 rounded-lg border border-line bg-sunken py-1.5 pr-1.5 pl-3">
      <code className="min-w-0 flex-1 py-1 font-mono text-[0.8125rem]/5 break-words">
        {children}
      </code>
      <CopyButton text={children} />
    </div>
  );
}
