import { useEffect, useState } from "react";
import type { Board } from "./board";

const intervalMs = 1_000;

interface Stats {
  perSecond: number;
  framesPerSecond: number;
  lagMs: number;
  skipped: number;
}

interface BoardStatsProps {
  board: Board;
  /** The number of painted frames; undefined before the first. */
  frames: (() => number) | undefined;
}

/** The page's update rate, frame rate and delay. */
export function BoardStats({ board, frames }: BoardStatsProps) {
  const [stats, setStats] = useState<Stats>();

  useEffect(() => {
    let at = performance.now();
    let received = board.counts.received;
    let seen = frames?.() ?? 0;
    const timer = setInterval(() => {
      const now = performance.now();
      const seconds = (now - at) / 1_000;
      const frameCount = frames?.() ?? 0;
      setStats({
        perSecond: Math.round((board.counts.received - received) / seconds),
        framesPerSecond: Math.round((frameCount - seen) / seconds),
        lagMs: board.counts.lagMs,
        skipped: board.counts.skipped,
      });
      at = now;
      seen = frameCount;
      received = board.counts.received;
    }, intervalMs);
    return () => clearInterval(timer);
  }, [board, frames]);

  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-4 p-4 sm:p-5 lg:grid-cols-4">
      <Stat name="Updates per second" value={stats?.perSecond.toLocaleString("en")} />
      <Stat name="Frames per second" value={stats?.framesPerSecond.toLocaleString("en")} />
      <Stat name="Publish to page" value={stats && `${stats.lagMs.toFixed(0)} ms`} />
      <Stat name="Superseded" value={stats?.skipped.toLocaleString("en")} />
    </dl>
  );
}

function Stat({ name, value }: { name: string; value: string | undefined }) {
  return (
    <div data-stat={name}>
      <dt className="text-sm text-muted">{name}</dt>
      <dd className="mt-1 text-2xl font-semibold tracking-tight tabular-nums">{value ?? "–"}</dd>
    </div>
  );
}
