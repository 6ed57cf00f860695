import type { ReactNode } from "react";

interface StartPanelProps {
  /** What the buttons start. */
  label: string;
  /** The reason for a refusal. */
  refusal: string | undefined;
  /** The buttons. */
  children: ReactNode;
}

/** The part of a card that starts its job. */
export function StartPanel({ label, refusal, children }: StartPanelProps) {
  return (
    <div className="grid flex-1 content-start gap-2 border-b border-line bg-sunken p-4 text-sm/5 sm:px-5">
      <p className="font-medium">{label}</p>
      <div className="flex flex-wrap gap-2">{children}</div>
      {/* Always rendered with a line's height, so that a result moves nothing. */}
      <output className="block min-h-5 text-bad">{refusal}</output>
    </div>
  );
}
