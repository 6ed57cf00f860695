"use client";

import { useState } from "react";
import type { LiveSnapshot } from "sse-bus";
import { useLive } from "sse-bus/react";
import { writeTestLine } from "@/app/actions/write-test-line";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { choiceClass } from "@/components/ui/field";
import { PauseButton } from "@/components/ui/pause-button";
import { StatusAnnouncer } from "@/features/event-log/status-announcer";
import { lines } from "./live";
import { LogLines } from "./log-lines";
import { type LogLevel, logLevels, type LogState } from "./sample";

/** The app's log: the server's last lines, and every line since. */
export function AppLogCard({ snapshot }: { snapshot: LiveSnapshot<LogState> }) {
  const { data } = useLive(lines, snapshot);
  const [held, hold] = useState<LogState>();
  const [levels, setLevels] = useState<readonly LogLevel[]>(logLevels);
  const [refusal, setRefusal] = useState<string>();
  const shown = (held ?? data).last.filter(({ level }) => levels.includes(level));
  const waiting = held === undefined ? 0 : Math.max(0, data.count - held.count);

  const toggle = (level: LogLevel) =>
    setLevels((now) =>
      now.includes(level) ? now.filter((one) => one !== level) : [...now, level],
    );

  return (
    <Card
      title="App log"
      className="flex h-96 flex-col"
      actions={
        <>
          <PauseButton
            isPaused={held !== undefined}
            onToggle={() => hold(held === undefined ? data : undefined)}
          />
          <Button small onClick={() => void writeTestLine().then(setRefusal)}>
            Write test lines
          </Button>
        </>
      }
    >
      <fieldset className="flex flex-wrap gap-x-5 border-b border-line bg-sunken px-4 text-sm lg:py-1 sm:px-5">
        <legend className="sr-only">Levels to show</legend>
        {logLevels.map((level) => (
          <label key={level} className={choiceClass}>
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
