import { useEffect, useInsertionEffect, useRef, useState } from "react";
import { serverClock } from "@/lib/server-clock";

interface RunningTimeProps {
  /** The text at a server time. */
  at: (now: number) => string;
  /** When the server rendered the page, in server time. */
  renderedAt: number;
  className?: string;
  testId: string;
}

/** A running time by the server's clock. It updates its text without a React render. */
export function RunningTime({ at, renderedAt, className, testId }: RunningTimeProps) {
  const place = useRef<HTMLSpanElement>(null);
  const latest = useRef(at);
  useInsertionEffect(() => {
    latest.current = at;
  });

  useEffect(() => {
    let frame = requestAnimationFrame(draw);
    function draw(): void {
      frame = requestAnimationFrame(draw);
      const text = latest.current(serverClock.now());
      if (place.current && place.current.textContent !== text) place.current.textContent = text;
    }
    return () => cancelAnimationFrame(frame);
  }, []);

  const [first] = useState(() => at(renderedAt));
  return (
    // The text never changes between renders, so React does not overwrite the updates.
    <span ref={place} role="timer" data-testid={testId} className={className}>
      {first}
    </span>
  );
}
