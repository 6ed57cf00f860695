"use client";

import { useState } from "react";
import { type Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { writeTestLine } from "@/app/actions/write-test-line";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { StatusAnnouncer } from "@/features/event-log/status-announcer";
import { positionOf } from "@/lib/position-of";
import { LogLines } from "./log-lines";
import { logChannel, type LogLevel, logLevels, type ShownLine } from "./sample";
import { readLogLine } from "./shape";

/** The most lines that the page keeps. */
const maxLines = 1_000;

interface LogState {
  lines: readonly ShownLine[];
  /** All lines since the page was rendered. */
  count: number;
}

export function AppLogCard({ lines, cursor }: { lines: readonly ShownLine[]; cursor: string }) {
  const { status, data } = useChannel(logChannel, {
    event: "line",
    initial: { lines, count: 0 },
    cursor,
    reduce: addLine,
  });
  const [held, hold] = useState<LogState>();
  const [levels, setLevels] = useState<readonly LogLevel[]>(logLevels);
  const [refusal, setRefusal] = useState<string>();
  const shown = (held ?? data).lines.filter(({ level }) => levels.includes(level));
  const waiting = held === undefined ? 0 : data.count - held.count;

  const toggle = (level: LogLevel) =>
    setLevels((now) =>
      now.includes(level) ? now.filter((one) => one !== level) : [...now, level],
    );

  return (
    <Card
      title="App log"
      className="flex h-128 flex-col"
      aside={<ConnectionBadge status={status} />}
      actions={
        <>
          <Button
            small
            variant="quiet"
            aria-pressed={held !== undefined}
            onClick={() => hold(held === undefined ? data : undefined)}
          >
            {held === undefined ? "Pause" : "Resume"}
          </Button>
          <Button small onClick={() => void writeTestLine().then(setRefusal)}>
            Write test lines
          </Button>
        </>
      }
    >
      <fieldset className="flex flex-wrap gap-x-4 gap-y-1 border-b border-line bg-sunken px-4 py-2.5 text-sm sm:px-5">
        <legend className="sr-only">Levels to show</legend>
        {logLevels.map((level) => (
          <label key={level} className="flex items-center gap-1.5">
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={levels.includes(level)}
              onChange={() => toggle(level)}
            />
            {level}
          </label>
        ))}
      </fieldset>
      <LogLines lines={shown} isFiltered={levels.length < logLevels.length} />
      <p className="border-t border-line px-4 py-2.5 text-xs text-muted tabular-nums sm:px-5">
        {shown.length.toLocaleString("en")} {shown.length === 1 ? "line" : "lines"}
        {held !== undefined && `. Paused: ${waiting.toLocaleString("en")} more received.`}
        {refusal !== undefined && <span className="text-bad"> {refusal}</span>}
      </p>
      <StatusAnnouncer label="Log" total={data.count} />
    </Card>
  );
}

function addLine(state: LogState, data: unknown, message: Message): LogState {
  const line = readLogLine(data);
  if (!line) return state;
  const id = positionOf(message.id);
  // Messages between the page's cursor and its data are in the data already.
  if (state.lines.some((one) => one.id === id)) return state;
  return { lines: [...state.lines, { ...line, id }].slice(-maxLines), count: state.count + 1 };
}
