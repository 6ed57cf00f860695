import { useRef } from "react";
import { Badge } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import type { ConnectionStatus } from "@/components/ui/connection-badge";
import { useFlip } from "./use-flip";
import { RunningTime } from "./running-time";
import {
  formatTime,
  type Received,
  isDisconnected,
  type Race,
  raceMetres,
  read,
  type Runner,
  trusted,
} from "./scores";

interface RaceCardProps {
  status: ConnectionStatus;
  received: Received<Race> | undefined;
  renderedAt: number;
}

export function RaceCard({ status, received, renderedAt }: RaceCardProps) {
  const race = received?.value;
  const isCut = isDisconnected(status);
  const list = useRef<HTMLOListElement>(null);
  useFlip(list);

  return (
    <Card title="Race">
      <div className="flex h-12 items-center justify-between gap-x-4 border-b border-line bg-sunken px-4 sm:px-5">
        <Badge>Simulation, {raceMetres.toLocaleString("en")} m</Badge>
        <RunningTime
          testId="race-time"
          className="font-mono text-lg tabular-nums"
          renderedAt={renderedAt}
          at={(now) =>
            received === undefined
              ? "0:00.0"
              : timeOf(received.value, isCut ? now : trusted(received, now))
          }
        />
      </div>
      <ol ref={list} aria-label="Runners by place" className="h-84 overflow-hidden">
        {race?.runners.map((runner, index) => (
          <RunnerLine
            key={runner.name}
            runner={runner}
            place={index + 1}
            leader={race.runners[0] as Runner}
          />
        ))}
      </ol>
    </Card>
  );
}

interface RunnerLineProps {
  runner: Runner;
  place: number;
  leader: Runner;
}

function RunnerLine({ runner, place, leader }: RunnerLineProps) {
  const { name, metres, finishedMs } = runner;
  return (
    <li
      data-flip={name}
      className="grid h-14 grid-cols-[2rem_5rem_minmax(0,1fr)_5rem] items-center gap-x-3 bg-surface px-4 text-sm sm:px-5"
    >
      <span className="text-lg font-semibold tabular-nums">{place}</span>
      <span className="truncate font-medium">{name}</span>
      <span aria-hidden="true" className="h-2 overflow-hidden rounded-full bg-line">
        <span
          className="block h-full origin-left rounded-full bg-accent transition-transform duration-500 ease-linear"
          style={{ transform: `scaleX(${metres / raceMetres})` }}
        />
      </span>
      <span className="text-right font-mono text-xs whitespace-nowrap text-muted tabular-nums">
        {finishedMs !== undefined
          ? formatTime(finishedMs, true)
          : place === 1
            ? `${Math.floor(metres)} m`
            : `−${(leader.metres - metres).toFixed(1)} m`}
      </span>
    </li>
  );
}

/** The race's time, which stops at the last finisher. */
function timeOf({ clock, runners }: Race, now: number): string {
  const finished = runners.map(({ finishedMs }) => finishedMs ?? Infinity);
  return formatTime(Math.min(read(clock, now), Math.max(...finished)), true);
}
