import { memo } from "react";
import { Badge, type Tone } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { FollowingList } from "@/components/ui/following-list";
import { LineBadge, type LineStatus } from "@/components/ui/line-badge";
import { RunningTime } from "./running-time";
import {
  type EventKind,
  formatTime,
  isLineDown,
  type Heard,
  type Match,
  type MatchEvent,
  matchMs,
  matchSpeed,
  read,
  type Team,
  teamNames,
  trusted,
} from "./scores";

interface MatchCardProps {
  status: LineStatus;
  heard: Heard<Match> | undefined;
  renderedAt: number;
  /** Nobody simulates just now. */
  isWaiting: boolean;
}

export function MatchCard({ status, heard, renderedAt, isWaiting }: MatchCardProps) {
  const match = heard?.value;
  // While the line is down the match goes on, as far as anybody here can know.
  const isAway = isLineDown(status);
  return (
    <Card title="Match" className="flex h-144 flex-col" aside={<LineBadge status={status} />}>
      <div className="flex h-12 items-center justify-between gap-x-4 border-b border-line bg-sunken px-4 sm:px-5">
        <Badge>Simulation, {matchSpeed} times as fast</Badge>
        <RunningTime
          testId="match-time"
          className="font-mono text-lg tabular-nums"
          renderedAt={renderedAt}
          at={(now) => timeOf(heard, isAway ? now : heard && trusted(heard, now))}
        />
      </div>
      <div className="grid grid-cols-[1fr_auto_1fr] items-center gap-x-4 border-b border-line px-4 py-6 text-center sm:px-5">
        <TeamName team="home" />
        {/* Read out when it changes, and in words. */}
        <p
          aria-hidden="true"
          data-testid="score"
          className="text-5xl font-semibold tracking-tight tabular-nums"
        >
          {match ? `${match.score.home} : ${match.score.away}` : "– : –"}
        </p>
        <TeamName team="away" />
        <p className="col-span-3 mt-3">
          <MatchStatus match={match} isWaiting={isWaiting} />
        </p>
        <output className="sr-only">{match ? spokenScore(match) : "No match yet"}</output>
      </div>
      <FollowingList
        label="What happened, newest last"
        newest={match?.events.at(-1)?.id}
        whenEmpty="Kick-off. What happens stands here."
      >
        {match?.events.map((event) => (
          <EventLine key={event.id} event={event} />
        ))}
      </FollowingList>
    </Card>
  );
}

function TeamName({ team }: { team: Team }) {
  return <h3 className="text-lg font-medium">{teamNames[team]}</h3>;
}

function MatchStatus({ match, isWaiting }: { match: Match | undefined; isWaiting: boolean }) {
  const [tone, label]: [Tone, string] =
    match === undefined
      ? ["neutral", "About to begin"]
      : match.endedAt !== undefined
        ? ["neutral", "Full time"]
        : !match.isPlaying
          ? ["warn", "Paused"]
          : isWaiting
            ? ["warn", "Waiting for the simulation"]
            : ["good", "Playing"];
  return (
    <span data-testid="match-status">
      <Badge tone={tone}>{label}</Badge>
    </span>
  );
}

const EventLine = memo(function EventLine({ event }: { event: MatchEvent }) {
  const { kind, team, at, by, isUndone } = event;
  return (
    <li className="flex items-center gap-x-3 px-4 py-2 text-sm sm:px-5" data-event={kind}>
      <span className="w-12 font-mono text-xs text-muted tabular-nums">{formatTime(at)}</span>
      <Badge tone={tones[kind]}>{kind}</Badge>
      <span className={`min-w-0 flex-1 truncate ${isUndone ? "text-muted line-through" : ""}`}>
        {team === undefined ? "" : teamNames[team]}
      </span>
      {isUndone && <span className="text-xs text-muted">taken back</span>}
      {by === "referee" && <span className="text-xs text-muted">by the referee</span>}
    </li>
  );
});

const tones: Record<EventKind, Tone> = {
  goal: "good",
  "yellow card": "warn",
  "red card": "bad",
  chance: "neutral",
  "half-time": "accent",
  "full time": "accent",
};

function timeOf(heard: Heard<Match> | undefined, now: number | undefined): string {
  if (!heard || now === undefined) return "0:00";
  return formatTime(Math.min(matchMs, read(heard.value.clock, now, matchSpeed)));
}

function spokenScore(match: Match): string {
  return `${teamNames.home} ${match.score.home}, ${teamNames.away} ${match.score.away}`;
}
