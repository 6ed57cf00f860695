import { memo, useEffect, useRef } from "react";
import type { TaskLine } from "sse-bus/tasks";
import { type AnsiColour, parseAnsi } from "./ansi";

/** The terminal's eight colours, as theme colours with enough contrast. */
const colours: Record<AnsiColour, string> = {
  black: "text-muted",
  red: "text-bad",
  green: "text-good",
  yellow: "text-warn",
  blue: "text-accent",
  magenta: "text-bad",
  cyan: "text-accent",
  white: "text-ink",
};

/** A build's output with its colours, like a terminal. */
export function BuildLog({ lines }: { lines: readonly TaskLine[] }) {
  const log = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const last = lines.at(-1)?.n;

  useEffect(() => {
    if (last !== undefined && isFollowing.current)
      log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [last]);

  return (
    <div
      ref={log}
      role="log"
      aria-live="off"
      aria-label="Output of the build"
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled with the keyboard
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isFollowing.current = scrollHeight - scrollTop - clientHeight < 24;
      }}
      className="h-48 overflow-auto border-t border-line bg-sunken px-4 py-3 font-mono text-xs/5 -outline-offset-2 sm:px-5"
    >
      {lines.length === 0 && <p className="text-muted">The output of the checks appears here.</p>}
      {lines.map(({ n, text }) => (
        <Line key={n} text={text} />
      ))}
    </div>
  );
}

const Line = memo(function Line({ text }: { text: string }) {
  return (
    <div className="min-h-5 whitespace-pre-wrap [overflow-wrap:anywhere]">
      {parseAnsi(text).map(({ text: part, colour, bold, dim }, index) => (
        <span
          // oxlint-disable-next-line react/no-array-index-key -- the parts of a line never change
          key={index}
          className={`${dim ? "text-muted" : colour ? colours[colour] : ""} ${bold ? "font-bold" : ""}`}
        >
          {part}
        </span>
      ))}
    </div>
  );
});
