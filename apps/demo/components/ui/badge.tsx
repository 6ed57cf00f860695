import type { ReactNode } from "react";

const tones = {
  neutral: "bg-sunken text-muted inset-ring inset-ring-line",
  accent: "bg-accent-soft text-accent",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
};

export type Tone = keyof typeof tones;

/** A short word with a colour. The word must be enough: colour is never the only sign. */
export function Badge({ tone = "neutral", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span
      className={`inline-flex items-center gap-1.5 rounded-md px-2 py-0.5 text-xs font-medium whitespace-nowrap ${tones[tone]}`}
    >
      {children}
    </span>
  );
}

/** A dot in the colour of its text. It pulses while `waiting`. */
export function Dot({ waiting = false }: { waiting?: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={`size-1.5 rounded-full bg-current ${waiting ? "animate-breathe" : ""}`}
    />
  );
}
