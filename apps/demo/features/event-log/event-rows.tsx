import { memo } from "react";
import { Badge, type Tone } from "@/components/ui/badge";
import { EmptyState, type EmptyStateProps } from "@/components/ui/empty-state";
import { clock } from "./clock";
import type { LogEntry } from "./event-log";
import { Payload } from "./payload";

const tones: Record<string, Tone> = { message: "accent", gap: "warn", bye: "warn" };

const columns =
  "sm:grid sm:grid-cols-[6.5rem_5rem_11.5rem_minmax(0,1fr)] sm:items-baseline sm:gap-x-4";

interface EventRowsProps {
  rows: readonly LogEntry[];
  whenEmpty: EmptyStateProps;
  /** Below the rows, as long as there are only a few. */
  hint?: string | undefined;
}

export function EventRows({ rows, whenEmpty, hint }: EventRowsProps) {
  return (
    <>
      <div
        aria-hidden="true"
        className={`hidden border-b border-line px-5 py-2 text-xs font-medium text-muted ${columns}`}
      >
        <span>Time</span>
        <span>Event</span>
        <span>Id</span>
        <span>Payload</span>
      </div>
      {/* Not announced: the status region announces the number of new events. */}
      <div
        role="log"
        aria-live="off"
        aria-label="Events, newest first"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled with the keyboard
        tabIndex={0}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain -outline-offset-2"
      >
        {rows.length === 0 ? (
          <EmptyState {...whenEmpty} />
        ) : (
          <ol className="divide-y divide-line">
            {rows.map((entry) => (
              <EventRow key={entry.key} entry={entry} />
            ))}
          </ol>
        )}
        {rows.length > 0 && hint !== undefined && (
          <p className="border-t border-line px-6 py-8 text-center text-sm text-pretty text-muted">
            {hint}
          </p>
        )}
      </div>
    </>
  );
}

const EventRow = memo(function EventRow({ entry }: { entry: LogEntry }) {
  const { time, event, id, data, crowded } = entry;
  const date = new Date(time);
  return (
    <li
      className={`px-4 py-2.5 [contain-intrinsic-block-size:auto_4rem] [content-visibility:auto] sm:px-5 ${crowded ? "" : "animate-arrive"} ${columns}`}
    >
      <div className="flex items-center gap-2 sm:contents">
        <time
          dateTime={date.toISOString()}
          className="font-mono text-xs whitespace-nowrap text-muted tabular-nums"
        >
          {clock.format(date)}
        </time>
        <span className="flex sm:block">
          <Badge tone={tones[event] ?? "neutral"}>{event}</Badge>
        </span>
        <span title={id} className="min-w-0 truncate font-mono text-xs text-muted">
          {id}
        </span>
      </div>
      <Payload text={data} />
    </li>
  );
});
