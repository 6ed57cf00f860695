import { memo } from "react";
import { Badge, type Tone } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { FollowingList } from "@/components/ui/following-list";
import { ConnectionBadge, type ConnectionStatus } from "@/components/ui/connection-badge";
import { RunningTime } from "./running-time";
import {
  type EventKind,
  formatTime,
  isDisconnected,
  type Received,
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
  status: ConnectionStatus;
  received: Received<Match> | undefined;
  renderedAt: number;
  /** No instance simulates at the moment. */
  isWaiting: boolean;
}

export function MatchCard({ status, received, renderedAt, isWaiting }: MatchCardProps) {
  const match = received?.value;
  // While disconnected, the clock continues, because the match probably does.
  const isCut = isDisconnected(status);
  return (
    <Card title="Match" className="flex h-128 flex-col" aside={<ConnectionBadge status={status} />}>
      <div className="flex h-12 items-center justify-between gap-x-4 border-b border-line bg-sunken px-4 sm:px-5">
        <Badge>Simulation, {matchSpeed} × speed</Badge>
        <RunningTime
          testId="match-time"
          className="font-mono text-lg tabular-nums"
          renderedAt={renderedAt}
          at={(now) => timeOf(received, isCut ? now : received && trusted(received, now))}
        />
      </div>
      <div className="grid grid-cols-[1fr_auto_1fr] items-center gap-x-4 border-b border-line px-4 py-6 text-center sm:px-5">
        <TeamName team="home" />
        {/* The `output` below announces the score in words. */}
        <p
          aria-hidden="true"
          data-testid="score"
          className="min-w-34 text-5xl font-semibold tracking-tight tabular-nums"
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
        label="Events, newest last"
        newest={match?.events.at(-1)?.id}
        whenEmpty={{ title: "Kick-off", hint: "Goals, cards and chances appear here." }}
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
      ? ["neutral", "Starting"]
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
      {isUndone && <span className="text-xs text-muted">undone</span>}
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

function timeOf(received: Received<Match> | undefined, now: number | undefined): string {
  if (!received || now === undefined) return "0:00";
  return formatTime(Math.min(matchMs, read(received.value.clock, now, matchSpeed)));
}

function spokenScore(match: Match): string {
  return `${teamNames.home} ${match.score.home}, ${teamNames.away} ${match.score.away}`;
}
