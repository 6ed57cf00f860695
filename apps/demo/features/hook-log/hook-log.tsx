"use client";

import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { Badge, Dot } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import type { LogEntry } from "@/features/event-log/event-log";
import { EventRows } from "@/features/event-log/event-rows";

/** The front page's log with `useChannel`. It starts from the cursor of the server render. */
export function HookLog({ cursor }: { cursor: string }) {
  const { status, data, error, gap } = useChannel("default", {
    cursor,
    keep: 100,
    select: (payload: unknown, message: Message): LogEntry => ({
      // The id includes the epoch. After a restart positions start at 1 again, and React needs unique keys.
      key: message.id,
      time: message.time,
      event: message.event,
      id: message.id,
      data: JSON.stringify(payload),
    }),
  });
  const isWaiting = status === "idle" || status === "connecting" || status === "reconnecting";

  return (
    <Card
      title="Messages"
      className="flex h-128 flex-col"
      aside={
        <Badge tone={status === "open" ? "good" : status === "failed" ? "bad" : "warn"}>
          <Dot waiting={isWaiting} />
          <output data-testid="hook-status">{status}</output>
        </Badge>
      }
    >
      <p className="border-b border-line bg-sunken px-4 py-2 text-sm text-muted sm:px-5">
        {gap
          ? `Messages on ${gap.channels.join(", ")} may be missing (${gap.reason}).`
          : (error?.message ?? `Rendered at ${cursor}. Every message since then appears here.`)}
      </p>
      <EventRows
        rows={data.toReversed()}
        whenEmpty="Messages published after this page was rendered appear here."
      />
    </Card>
  );
}
