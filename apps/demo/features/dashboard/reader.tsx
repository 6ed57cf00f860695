import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { Badge } from "@/components/ui/badge";
import { LineBadge } from "@/components/ui/line-badge";
import { type PublishedReading, readingsChannel } from "./feed";
import { readReading } from "./shape";

interface ReaderProps {
  cursor: string;
  put: (reading: PublishedReading, publishedAt: number) => void;
  onGap: () => void;
  isAway: boolean;
}

/** The only component that the channel renders, once a frame: the board hears each reading itself. */
export function Reader({ cursor, put, onGap, isAway }: ReaderProps) {
  // #region how subscribe
  const { status } = useChannel(readingsChannel, {
    cursor,
    onMessage: (data: unknown, { time }: Message) => {
      const reading = readReading(data);
      if (reading) put(reading, time);
    },
    onGap,
    enabled: !isAway,
  });
  // #endregion
  return isAway ? <Badge tone="warn">Away</Badge> : <LineBadge status={status} />;
}
