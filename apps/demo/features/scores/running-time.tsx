import { useServerTime } from "sse-bus/react";

interface RunningTimeProps {
  /** The text at a server time. */
  at: (now: number) => string;
  /** When the server rendered the page, in server time. */
  renderedAt: number;
  className?: string;
  testId: string;
}

/** A running time by the server's clock, in tenths of a second. */
export function RunningTime({ at, renderedAt, className, testId }: RunningTimeProps) {
  const now = useServerTime({ intervalMs: 100, initial: renderedAt });
  return (
    <span role="timer" data-testid={testId} className={className}>
      {at(now)}
    </span>
  );
}
