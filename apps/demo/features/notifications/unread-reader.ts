import { useEffect, useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { isAfter } from "@/lib/position-of";
import { stored } from "@/lib/stored";
import { type Entry, entryOf, logChannel } from "./entry";
import { readEntry } from "./shape";

const maxCounted = 1_000;

/** Up to where this browser has read: a cursor of the bus. All its windows share it. */
const readMark = stored("sse-bus.read");

export const markRead = (cursor: string): void => readMark.write(cursor);

/** The mark, once the browser has told; who has never been here has read all that the page came with. */
export function useReadMark(cursor: string): string | undefined {
  const mark = readMark.use();
  useEffect(() => {
    if (readMark.read() === undefined) readMark.write(cursor);
  }, [cursor]);
  return mark;
}

export interface Unread {
  entries: readonly Entry[];
  /** History does not reach back to the mark: there was more. */
  isMore: boolean;
}

interface UnreadReaderProps {
  mark: string;
  person: string;
  onChange: (unread: Unread) => void;
}

/**
 * Reads what has happened since `mark` from the bus itself: the subscription resumes from the stored
 * cursor as any reader does after an outage, be it a minute or a week old. Shows nothing.
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
    // The mark may have moved since: what is before it has been read, in this window or another.
    const entries = data.filter(
      ({ kind, id, by }) =>
        (kind === "chat" || kind === "alert") && by.person !== person && isAfter(id, mark),
    );
    onChange({ entries, isMore: lostAfter === mark });
  }, [data, mark, person, lostAfter, onChange]);
  return null;
}

const none: readonly Entry[] = [];
