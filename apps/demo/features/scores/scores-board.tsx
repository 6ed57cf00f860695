"use client";

import { useEffect, useState } from "react";
import { useChannel } from "sse-bus/react";
import { serverClock } from "@/lib/server-clock";
import { useServerRender } from "@/lib/use-server-render";
import { ControlCard } from "./control-card";
import { MatchCard } from "./match-card";
import { RaceCard } from "./race-card";
import { readMatch, readRace } from "./read-state";
import { type Heard, lostMs, type Match, matchChannel, type Race, raceChannel } from "./scores";

interface ScoresBoardProps {
  match: Heard<Match> | undefined;
  race: Heard<Race> | undefined;
  /** Where the bus was before these were loaded. */
  cursor: string;
  /** When they were, by the server's clock. */
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
    reduce: (known, data: unknown, { time }) => heard(readMatch(data), time) ?? known,
    onGap,
  });
  const { data: race } = useChannel(raceChannel, {
    event: "race",
    initial: props.race,
    cursor,
    reduce: (known, data: unknown, { time }) => heard(readRace(data), time) ?? known,
    // Each message tells the time, if only as late as it is: the fastest of the last ones counts.
    onMessage: (_, { time }) => serverClock.observe(time),
  });
  // #endregion

  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => {
    serverClock.assume(renderedAt);
  }, [renderedAt]);
  const heardAt = match?.at ?? renderedAt;
  useEffect(() => {
    const look = () => setWaiting(serverClock.now() - heardAt > lostMs);
    look();
    const timer = setInterval(look, 1_000);
    return () => clearInterval(timer);
  }, [heardAt]);

  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      <MatchCard
        status={status}
        heard={match}
        renderedAt={renderedAt}
        isWaiting={isWaiting && status === "open"}
      />
      <ControlCard match={match?.value} />
      <div className="lg:col-span-2">
        <RaceCard status={status} heard={race} renderedAt={renderedAt} />
      </div>
    </div>
  );
}

/** What another version of the app has published is left alone: it may know another match. */
function heard<Value>(value: Value | undefined, at: number): Heard<Value> | undefined {
  return value && { value, at };
}
