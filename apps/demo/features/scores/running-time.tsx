import { useEffect, useInsertionEffect, useRef, useState } from "react";
import { serverClock } from "@/lib/server-clock";

interface RunningTimeProps {
  /** What it says at a moment of the server's clock. */
  at: (now: number) => string;
  /** When the server rendered the page, by its clock. */
  renderedAt: number;
  className?: string;
  testId: string;
}

/** A time that runs on by the server's clock. It writes its text itself: no render for each tenth. */
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
    // The same text at every render: React leaves alone what was written since.
    <span ref={place} role="timer" data-testid={testId} className={className}>
      {first}
    </span>
  );
}
