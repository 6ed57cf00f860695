"use client";

import type { LiveSnapshot } from "sse-bus";
import { useLive, useServerTime } from "sse-bus/react";
import { ControlCard } from "./control-card";
import * as live from "./live";
import { MatchCard } from "./match-card";
import { RaceCard } from "./race-card";
import { lostMs, type Match, type Race, type Received } from "./scores";

interface ScoresBoardProps {
  match: LiveSnapshot<Received<Match> | undefined>;
  race: LiveSnapshot<Received<Race> | undefined>;
  /** When these were read, in server time. */
  renderedAt: number;
}

export function ScoresBoard({ renderedAt, ...rendered }: ScoresBoardProps) {
  const { status, data: match } = useLive(live.match, rendered.match);
  const { data: race } = useLive(live.race, rendered.race);
  const now = useServerTime({ initial: renderedAt });
  const isWaiting = now - (match?.at ?? renderedAt) > lostMs;

  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      <MatchCard
        status={status}
        received={match}
        renderedAt={renderedAt}
        isWaiting={isWaiting && status === "open"}
      />
      <ControlCard match={match?.value} />
      <div className="lg:col-span-2">
        <RaceCard status={status} received={race} renderedAt={renderedAt} />
      </div>
    </div>
  );
}
