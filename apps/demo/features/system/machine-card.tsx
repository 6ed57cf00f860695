"use client";

import { useState } from "react";
import type { LiveSnapshot } from "sse-bus";
import { useLive } from "sse-bus/react";
import { Card } from "@/components/ui/card";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { SourceChoice } from "@/components/ui/source-choice";
import { samples } from "./live";
import type { SamplesByHost } from "./sample";
import { SampleTiles } from "./sample-tiles";

/** What the machines measure. `snapshot` is the server's value; the hook continues from there. */
export function MachineCard({ snapshot }: { snapshot: LiveSnapshot<SamplesByHost> }) {
  const { status, data } = useLive(samples, snapshot);
  const hosts = Object.keys(data).toSorted();
  const [chosen, choose] = useState<string>();
  const host = chosen !== undefined && hosts.includes(chosen) ? chosen : hosts[0];

  return (
    <Card
      title="Machine"
      aside={<ConnectionBadge status={status} />}
      actions={
        <span className="min-w-0 truncate font-mono text-xs text-muted" data-testid="host">
          {host}
        </span>
      }
    >
      <SourceChoice legend="Machine" field="host" names={hosts} chosen={host} onChoose={choose} />
      <SampleTiles samples={(host !== undefined && data[host]) || []} />
    </Card>
  );
}
