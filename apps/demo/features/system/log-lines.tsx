import { memo } from "react";
import { Badge, type Tone } from "@/components/ui/badge";
import { FollowingList } from "@/components/ui/following-list";
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
  return (
    <FollowingList
      label="Lines of the app's log, newest last"
      newest={lines.at(-1)?.id}
      whenEmpty={
        isFiltered
          ? { title: "No lines of these levels", hint: "Choose more levels above." }
          : { title: "No lines yet", hint: "Write test lines: every open window shows them." }
      }
    >
      {lines.map((line) => (
        <Line key={line.id} line={line} />
      ))}
    </FollowingList>
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
