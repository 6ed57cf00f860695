import { useEffect, useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { readShape } from "@/lib/shape";
import type { Entry } from "./entry";
import { entries } from "./live";
import { entry } from "./shape";
import { stored } from "./stored";

const maxCounted = 1_000;

/** The cursor up to which this browser has read, shared by all its windows. */
const readMark = stored("sse-bus.read");

export const markRead = (cursor: string): void => readMark.write(cursor);

/** The mark, once storage was read. For a new browser, all of the page's initial entries count as read. */
export function useReadMark(cursor: string): string | undefined {
  const mark = readMark.use();
  useEffect(() => {
    if (readMark.read() === undefined) readMark.write(cursor);
  }, [cursor]);
  return mark;
}

export interface Unread {
  entries: readonly Entry[];
  /** History does not reach back to the mark: there were more entries. */
  isMore: boolean;
}

interface UnreadReaderProps {
  mark: string;
  person: string;
  onChange: (unread: Unread) => void;
}

/**
 * Collects the entries since `mark` from the bus: the subscription resumes from the stored cursor, like
 * any reader after an outage. Renders nothing.
 */
export function UnreadReader({ mark, person, onChange }: UnreadReaderProps) {
  const [lostAfter, setLostAfter] = useState<string>();
  // #region how unread
  const { data } = useChannel(entries.channel, {
    event: entries.event,
    cursor: mark,
    initial: none,
    reduce: (all: readonly Entry[], data: unknown, { id, time }: Message) => {
      const next = readShape(entry, data);
      return next ? [...all, { ...next, id, time }].slice(-maxCounted) : all;
    },
    onGap: () => setLostAfter(mark),
  });
  // #endregion

  useEffect(() => {
    // The mark may have moved: entries up to it were read, in this window or another.
    const fresh = data
      .slice(data.findLastIndex(({ id }) => id === mark) + 1)
      .filter(({ kind, by }) => (kind === "chat" || kind === "alert") && by.person !== person);
    onChange({ entries: fresh, isMore: lostAfter === mark });
  }, [data, mark, person, lostAfter, onChange]);
  return null;
}

const none: readonly Entry[] = [];
