import { useEffect, useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { isAfter } from "@/lib/position-of";
import { stored } from "@/lib/stored";
import { type Entry, entryOf, logChannel } from "./entry";
import { readEntry } from "./shape";

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
  const { data } = useChannel(logChannel, {
    event: "entry",
    cursor: mark,
    initial: none,
    reduce: (entries: readonly Entry[], data: unknown, message: Message) => {
      const entry = readEntry(data);
      return entry ? [...entries, entryOf(entry, message)].slice(-maxCounted) : entries;
    },
    onGap: () => setLostAfter(mark),
  });
  // #endregion

  useEffect(() => {
    // The mark may have moved: entries before it were read, in this window or another.
    const entries = data.filter(
      ({ kind, id, by }) =>
        (kind === "chat" || kind === "alert") && by.person !== person && isAfter(id, mark),
    );
    onChange({ entries, isMore: lostAfter === mark });
  }, [data, mark, person, lostAfter, onChange]);
  return null;
}

const none: readonly Entry[] = [];
