import { memo, useEffect, useRef, useState } from "react";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { formatClock } from "@/lib/format";
import type { LogLevel, ShownLine } from "./sample";

const tones: Record<LogLevel, Tone> = {
  error: "bad",
  warn: "warn",
  info: "accent",
  debug: "neutral",
};

/** Lines with the oldest first, like a terminal. Follows the newest line until the reader scrolls away. */
export function LogLines({
  lines,
  isFiltered,
}: {
  lines: readonly ShownLine[];
  isFiltered: boolean;
}) {
  const list = useRef<HTMLDivElement>(null);
  const [isFollowing, follow] = useState(true);

  useEffect(() => {
    if (isFollowing) list.current?.scrollTo({ top: list.current.scrollHeight });
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- new lines are what it follows
  }, [isFollowing, lines]);

  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={list}
        role="log"
        aria-live="off"
        aria-label="Lines of the app's log, newest last"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled with the keyboard
        tabIndex={0}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
          follow(scrollHeight - scrollTop - clientHeight < 24)
        }
        className="h-full overflow-y-auto overscroll-contain -outline-offset-2"
      >
        {lines.length === 0 ? (
          <p className="grid h-full place-content-center px-6 text-center text-sm text-muted">
            {isFiltered ? "No lines of these levels." : "No lines yet."}
          </p>
        ) : (
          <ol className="divide-y divide-line">
            {lines.map((line) => (
              <Line key={line.id} line={line} />
            ))}
          </ol>
        )}
      </div>
      {!isFollowing && (
        <div className="absolute inset-x-0 bottom-3 grid place-items-center">
          <Button
            small
            variant="primary"
            onClick={() => {
              // The button disappears, so the list takes the focus.
              list.current?.focus();
              follow(true);
            }}
          >
            Jump to latest <span aria-hidden="true">↓</span>
          </Button>
        </div>
      )}
    </div>
  );
}

const Line = memo(function Line({ line: { time, level, text } }: { line: ShownLine }) {
  return (
    <li className="px-4 py-2 sm:grid sm:grid-cols-[6.5rem_4rem_minmax(0,1fr)] sm:items-baseline sm:gap-x-4 sm:px-5">
      <div className="flex items-center gap-2 sm:contents">
        <time
          dateTime={new Date(time).toISOString()}
          title="UTC"
          className="font-mono text-xs text-muted tabular-nums"
        >
          {formatClock(time)}
        </time>
        <span className="flex sm:block">
          <Badge tone={tones[level]}>{level}</Badge>
        </span>
      </div>
      <bdi
        dir="auto"
        className="mt-1 block min-w-0 font-mono text-[0.8125rem]/5 [overflow-wrap:anywhere] whitespace-pre-wrap sm:mt-0"
      >
        {text}
      </bdi>
    </li>
  );
});
