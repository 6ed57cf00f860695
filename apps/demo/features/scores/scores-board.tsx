"use client";

import { useEffect, useState } from "react";
import { useChannel } from "sse-bus/react";
import { serverClock } from "@/lib/server-clock";
import { useServerRender } from "@/lib/use-server-render";
import { ControlCard } from "./control-card";
import { MatchCard } from "./match-card";
import { RaceCard } from "./race-card";
import { readMatch, readRace } from "./read-state";
import { type Received, lostMs, type Match, matchChannel, type Race, raceChannel } from "./scores";

interface ScoresBoardProps {
  match: Received<Match> | undefined;
  race: Received<Race> | undefined;
  /** The bus's cursor before these were loaded. */
  cursor: string;
  /** When they were loaded, in server time. */
  renderedAt: number;
}

export function ScoresBoard(rendered: ScoresBoardProps) {
  const [props, refresh] = useServerRender(rendered);
  return <LiveBoard key={props.cursor} {...props} onGap={refresh} />;
}

function LiveBoard(props: ScoresBoardProps & { onGap: () => void }) {
  const { cursor, renderedAt, onGap } = props;
  // #region how subscribe
  const { status, data: match } = useChannel(matchChannel, {
    event: "match",
    initial: props.match,
    cursor,
    reduce: (known, data: unknown, { time }) => received(readMatch(data), time) ?? known,
    onGap,
  });
  const { data: race } = useChannel(raceChannel, {
    event: "race",
    initial: props.race,
    cursor,
    reduce: (known, data: unknown, { time }) => received(readRace(data), time) ?? known,
    // Each message is a sample of the server's time.
    onMessage: (_, { time }) => serverClock.observe(time),
  });
  // #endregion

  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => {
    serverClock.assume(renderedAt);
  }, [renderedAt]);
  const receivedAt = match?.at ?? renderedAt;
  useEffect(() => {
    const look = () => setWaiting(serverClock.now() - receivedAt > lostMs);
    look();
    const timer = setInterval(look, 1_000);
    return () => clearInterval(timer);
  }, [receivedAt]);

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

/** Ignores messages that another version of the app published. */
function received<Value>(value: Value | undefined, at: number): Received<Value> | undefined {
  return value && { value, at };
}
