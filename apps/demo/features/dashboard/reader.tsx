import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { Badge } from "@/components/ui/badge";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { readShape } from "@/lib/shape";
import type { PublishedReading } from "./feed";
import { readings } from "./live";
import { reading } from "./shape";

interface ReaderProps {
  /** Of the readings that the server rendered. */
  cursor: string;
  put: (reading: PublishedReading, publishedAt: number) => void;
  isDisconnected: boolean;
}

/** The only component that renders per message batch. Readings go directly to the board. */
export function Reader({ cursor, put, isDisconnected }: ReaderProps) {
  const { status } = useChannel(readings.channel, {
    cursor,
    onMessage: (data: unknown, { time }: Message) => {
      const next = readShape(reading, data);
      if (next) put(next, time);
    },
    enabled: !isDisconnected,
  });
  return isDisconnected ? (
    <Badge tone="warn">Disconnected</Badge>
  ) : (
    <ConnectionBadge status={status} />
  );
}
