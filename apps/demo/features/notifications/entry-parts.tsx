import type { Tone } from "@/components/ui/badge";
import { formatClock } from "@/lib/format";
import type { AlertLevel, Author } from "./entry";

export const levelTones: Record<AlertLevel, Tone> = {
  info: "accent",
  warning: "warn",
  critical: "bad",
};

export function Clock({ time }: { time: number }) {
  return (
    <time
      dateTime={new Date(time).toISOString()}
      title="UTC"
      className="font-mono text-xs text-muted tabular-nums"
    >
      {formatClock(time).slice(0, 8)}
    </time>
  );
}

/** A name, isolated with `bdi`, so that it cannot reorder the text beside it. */
export function Name({ by, person }: { by: Author; person: string }) {
  return (
    <span className="font-medium [overflow-wrap:anywhere]">
      <bdi>{by.name}</bdi>
      {by.person === person && <span className="font-normal text-muted"> (you)</span>}
    </span>
  );
}

/** A visitor's text, shown as text. */
export function Written({ text }: { text: string }) {
  return (
    <bdi dir="auto" className="block min-w-0 text-sm/6 [overflow-wrap:anywhere]">
      {text}
    </bdi>
  );
}

export function NewMark() {
  return (
    <span className="inline-flex items-center gap-1.5 text-xs font-medium text-accent">
      <span aria-hidden="true" className="size-1.5 rounded-full bg-current" />
      New
    </span>
  );
}
