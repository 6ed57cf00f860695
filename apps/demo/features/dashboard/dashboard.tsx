"use client";

import { useEffect, useState } from "react";
import type { LiveSnapshot } from "sse-bus";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { createBoard } from "./board";
import { BoardStats } from "./board-stats";
import type { CurrentRate, PublishedReading, Sensor } from "./feed";
import { Reader } from "./reader";
import { RateChoice } from "./rate-choice";
import { SelectedChart } from "./selected-chart";
import { SensorTiles } from "./sensor-tiles";

const disconnectMs = 5_000;

interface DashboardProps {
  sensors: readonly Sensor[];
  readings: LiveSnapshot<Readonly<Record<string, PublishedReading>>>;
  rate: LiveSnapshot<CurrentRate>;
}

export function Dashboard({ sensors, readings, rate }: DashboardProps) {
  const [board] = useState(() =>
    createBoard(
      sensors.map(({ id }) => id),
      Object.values(readings.value),
    ),
  );
  const [selected, select] = useState((sensors.at(-1) as Sensor).id);
  const [painter, setPainter] = useState<{ frames: () => number }>();
  const [isDisconnected, setDisconnected] = useState(false);
  const [notice, setNotice] = useState(
    "Disconnect, and see what the page receives after the reconnect: the newest value of each sensor, without the backlog.",
  );
  const sensor = sensors.find(({ id }) => id === selected) as Sensor;

  useEffect(() => {
    if (!isDisconnected) return undefined;
    const timer = setTimeout(() => setDisconnected(false), disconnectMs);
    return () => clearTimeout(timer);
  }, [isDisconnected]);

  const disconnect = () => {
    const before = { ...board.counts };
    setDisconnected(true);
    setNotice(
      "Disconnected for 5 s. The server continues to publish, but this page receives nothing.",
    );
    setTimeout(() => {
      const missed = board.counts.skipped - before.skipped;
      const received = board.counts.received - before.received;
      setNotice(
        `Reconnected. The page skipped ${missed.toLocaleString("en")} superseded readings and received ${received.toLocaleString("en")}, starting with the newest value of each sensor.`,
      );
    }, disconnectMs + 1_500);
  };

  return (
    <div className="grid grid-cols-1 gap-6">
      <Card
        title="Feed"
        aside={<Reader cursor={readings.cursor} put={board.put} isDisconnected={isDisconnected} />}
        actions={
          <Button
            small
            aria-disabled={isDisconnected}
            onClick={isDisconnected ? undefined : disconnect}
          >
            Disconnect for 5 s
          </Button>
        }
      >
        <RateChoice snapshot={rate} />
        <BoardStats board={board} frames={painter?.frames} />
        <output
          data-testid="reconnect-notice"
          className="block min-h-10 border-t border-line empty:border-transparent px-4 py-2.5 text-sm/5 text-muted sm:px-5"
        >
          {notice}
        </output>
      </Card>
      <Card
        title={sensor.name}
        aside={
          <Badge tone={sensor.source === "live" ? "good" : "neutral"}>
            {sensor.source === "live" ? "Live" : "Replay"}
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
