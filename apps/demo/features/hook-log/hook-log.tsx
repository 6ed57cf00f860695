"use client";

import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { Card } from "@/components/ui/card";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import type { LogEntry } from "@/features/event-log/event-log";
import { EventRows } from "@/features/event-log/event-rows";

/** The front page's log with `useChannel`. It starts from the cursor of the server render. */
export function HookLog({ cursor }: { cursor: string }) {
  // #region how subscribe
  const { status, data, error, gap } = useChannel("default", {
    cursor,
    keep: 100,
    select: toEntry,
  });
  // #endregion

  return (
    <Card
      title="Messages"
      className="flex h-96 flex-col"
      aside={<ConnectionBadge status={status} />}
    >
      <p className="border-b border-line bg-sunken px-4 py-2.5 text-sm/5 break-words text-muted sm:px-5">
        {gap
          ? `Messages on ${gap.channels.join(", ")} may be missing (${gap.reason}).`
          : (error?.message ?? `The server rendered this page at the cursor ${cursor}.`)}
      </p>
      <EventRows
        rows={data.toReversed()}
        whenEmpty={{
          title: "No messages yet",
          hint: "Publish on the Log page or from a terminal: the message appears here immediately.",
        }}
      />
    </Card>
  );
}

function toEntry(payload: unknown, { id, time, event }: Message): LogEntry {
  // The id includes the epoch. After a restart positions start at 1 again, and React needs unique keys.
  return { key: id, time, event, id, data: JSON.stringify(payload) };
}
