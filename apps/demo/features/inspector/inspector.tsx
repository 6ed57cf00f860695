"use client";

import { useState } from "react";
import { SseProvider, useChannel } from "sse-bus/react";
import { DemoCard } from "./demo-card";
import { OverviewCard } from "./overview-card";
import { PublishForm } from "./publish-form";
import { readSnapshot } from "./shape";
import { addSnapshot, type Instances, instancesChannel, type InstanceSnapshot } from "./snapshot";
import { ChannelsCard, ConnectionsCard } from "./tables-card";
import { TailCard } from "./tail-card";

interface InspectorProps {
  /** The id of this page's demo stream. */
  demo: string;
  initial: InstanceSnapshot;
  cursor: string;
}

export function Inspector(props: InspectorProps) {
  return (
    <div className="grid grid-cols-1 gap-6">
      <SseProvider url="/api/inspector">
        <Instance {...props} />
      </SseProvider>
      <div className="grid grid-cols-1 gap-6 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <TailCard />
        <PublishForm />
      </div>
    </div>
  );
}

function Instance({ demo, initial, cursor }: InspectorProps) {
  const first: Instances = { [initial.instance]: [initial] };
  // #region how subscribe
  const { status, data } = useChannel(instancesChannel, {
    initial: first,
    cursor,
    reduce: (all, data: unknown) => {
      const snapshot = readSnapshot(data);
      return snapshot ? addSnapshot(all, snapshot) : all;
    },
  });
  // #endregion
  const names = Object.keys(data).toSorted();
  const [chosen, choose] = useState(initial.instance);
  const shown = names.includes(chosen) ? chosen : names[0];
  const snapshots = (shown !== undefined && data[shown]) || [];
  return (
    <>
      <DemoCard id={demo} instances={data} />
      <OverviewCard
        status={status}
        names={names}
        chosen={shown}
        onChoose={choose}
        snapshots={snapshots}
      />
      <ConnectionsCard now={snapshots.at(-1)} />
      <ChannelsCard now={snapshots.at(-1)} before={snapshots.at(-2)} />
    </>
  );
}
