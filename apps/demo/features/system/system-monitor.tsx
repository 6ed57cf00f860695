"use client";

import { useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { Card } from "@/components/ui/card";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { useServerRender } from "@/lib/use-server-render";
import { AppLogCard } from "./app-log-card";
import { addSample, samplesChannel, type SamplesByHost, type ShownLine } from "./sample";
import { SampleTiles } from "./sample-tiles";
import { readSample } from "./shape";

interface SystemMonitorProps {
  samples: SamplesByHost;
  lines: readonly ShownLine[];
  /** The bus's cursor before these were loaded. */
  cursor: string;
}

export function SystemMonitor(rendered: SystemMonitorProps) {
  const [{ samples, lines, cursor }, refresh] = useServerRender(rendered);
  return (
    <div key={cursor} className="grid grid-cols-1 gap-6">
      <MachineCard samples={samples} cursor={cursor} onGap={refresh} />
      <AppLogCard lines={lines} cursor={cursor} />
    </div>
  );
}

interface MachineCardProps {
  samples: SamplesByHost;
  cursor: string;
  onGap: () => void;
}

function MachineCard({ samples, cursor, onGap }: MachineCardProps) {
  // #region how subscribe
  const { status, data } = useChannel(samplesChannel, {
    event: "sample",
    initial: samples,
    cursor,
    reduce: (all: SamplesByHost, data: unknown, { time }: Message) => {
      const sample = readSample(data);
      return sample ? addSample(all, sample, time) : all;
    },
    onGap,
  });
  // #endregion
  const hosts = Object.keys(data).toSorted();
  const [chosen, choose] = useState<string>();
  const host = chosen !== undefined && hosts.includes(chosen) ? chosen : hosts[0];

  return (
    <Card
      title="Machine"
      aside={<ConnectionBadge status={status} />}
      actions={
        <span className="min-w-0 truncate font-mono text-xs text-muted" data-testid="host">
          {host ?? "waiting for the first sample"}
        </span>
      }
    >
      {hosts.length > 1 && (
        <fieldset className="flex flex-wrap gap-x-4 gap-y-1 border-b border-line bg-sunken px-4 py-2.5 text-sm sm:px-5">
          <legend className="sr-only">Machine</legend>
          {hosts.map((name) => (
            <label key={name} className="flex items-center gap-1.5">
              <input
                type="radio"
                name="host"
                className="accent-accent"
                checked={name === host}
                onChange={() => choose(name)}
              />
              {name}
            </label>
          ))}
        </fieldset>
      )}
      <SampleTiles samples={(host !== undefined && data[host]) || []} />
    </Card>
  );
}
