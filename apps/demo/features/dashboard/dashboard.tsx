"use client";

import { useEffect, useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { useServerRender } from "@/lib/use-server-render";
import { createBoard } from "./board";
import { BoardStats } from "./board-stats";
import type { PublishedReading, Sensor } from "./feed";
import { Reader } from "./reader";
import { RateChoice } from "./rate-choice";
import { SelectedChart } from "./selected-chart";
import { SensorTiles } from "./sensor-tiles";

const awayMs = 5_000;

interface DashboardProps {
  sensors: readonly Sensor[];
  readings: readonly PublishedReading[];
  /** Where the bus was before the readings were loaded. */
  cursor: string;
}

export function Dashboard(rendered: DashboardProps) {
  const [props, refresh] = useServerRender(rendered);
  return <LiveDashboard key={props.cursor} {...props} onGap={refresh} />;
}

function LiveDashboard(props: DashboardProps & { onGap: () => void }) {
  const { sensors, readings, cursor, onGap } = props;
  const [board] = useState(() =>
    createBoard(
      sensors.map(({ id }) => id),
      readings,
    ),
  );
  const [selected, select] = useState((sensors.at(-1) as Sensor).id);
  const [painter, setPainter] = useState<{ frames: () => number }>();
  const [isAway, setAway] = useState(false);
  const [absence, setAbsence] = useState(
    "Away, this page hears nothing. Back, it gets each sensor’s newest value and no backlog.",
  );
  const sensor = sensors.find(({ id }) => id === selected) as Sensor;

  useEffect(() => {
    if (!isAway) return undefined;
    const timer = setTimeout(() => setAway(false), awayMs);
    return () => clearTimeout(timer);
  }, [isAway]);

  const leave = () => {
    const { received, skipped } = board.counts;
    setAway(true);
    setAbsence("Away for 5 s: the server goes on, this page hears nothing.");
    setTimeout(() => {
      const missed = board.counts.skipped - skipped;
      const came = board.counts.received - received;
      setAbsence(
        `Back. ${missed.toLocaleString("en")} readings had been superseded and were skipped; ${came.toLocaleString("en")} came since, each sensor’s newest first.`,
      );
    }, awayMs + 1_500);
  };

  return (
    <div className="grid grid-cols-1 gap-6">
      <Card
        title="Feed"
        aside={<Reader cursor={cursor} put={board.put} onGap={onGap} isAway={isAway} />}
        actions={
          <Button small aria-disabled={isAway} onClick={isAway ? undefined : leave}>
            Be away for 5 s
          </Button>
        }
      >
        <RateChoice />
        <BoardStats board={board} frames={painter?.frames} />
        <output
          data-testid="absence"
          className="block min-h-10 border-t border-line empty:border-transparent px-4 py-2.5 text-sm/5 text-muted sm:px-5"
        >
          {absence}
        </output>
      </Card>
      <Card
        title={sensor.name}
        aside={
          <Badge tone={sensor.source === "live" ? "good" : "neutral"}>
            {sensor.source === "live" ? "Real, of now" : "Replay"}
          </Badge>
        }
      >
        <div className="p-4 sm:p-5">
          <SelectedChart board={board} sensor={sensor} />
        </div>
      </Card>
      <SensorTiles
        sensors={sensors}
        board={board}
        selected={selected}
        onSelect={select}
        onPainter={setPainter}
      />
    </div>
  );
}
