import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { Badge } from "@/components/ui/badge";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { type PublishedReading, readingsChannel } from "./feed";
import { readReading } from "./shape";

interface ReaderProps {
  cursor: string;
  put: (reading: PublishedReading, publishedAt: number) => void;
  onGap: () => void;
  isDisconnected: boolean;
}

/** The only component that renders per message batch. Readings go directly to the board. */
export function Reader({ cursor, put, onGap, isDisconnected }: ReaderProps) {
  // #region how subscribe
  const { status } = useChannel(readingsChannel, {
    cursor,
    onMessage: (data: unknown, { time }: Message) => {
      const reading = readReading(data);
      if (reading) put(reading, time);
    },
    onGap,
    enabled: !isDisconnected,
  });
  // #endregion
  return isDisconnected ? (
    <Badge tone="warn">Disconnected</Badge>
  ) : (
    <ConnectionBadge status={status} />
  );
}
