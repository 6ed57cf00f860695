"use client";

import { useCallback, useState } from "react";
import { type Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { serverClock } from "@/lib/server-clock";
import { useServerRender } from "@/lib/use-server-render";
import { ActivityCard } from "./activity-card";
import { AlertsCard } from "./alerts-card";
import { notify } from "./browser-notifications";
import { ChatCard } from "./chat-card";
import { addEntry, type AlertEntry, type Author, type Entry, entryOf, logChannel } from "./entry";
import type { Presence } from "./presence";
import { readEntry } from "./shape";
import { Toasts } from "./toasts";
import { UnreadCard } from "./unread-card";
import { usePresence } from "./use-presence";
import { markRead, type Unread, UnreadReader, useReadMark } from "./unread-reader";
import { useVisitor } from "./visitor";

const maxToasts = 3;

interface NotificationsBoardProps {
  entries: readonly Entry[];
  presence: Presence;
  /** The bus's cursor before these were loaded. */
  cursor: string;
  /** When they were loaded, in server time. */
  renderedAt: number;
}

export function NotificationsBoard(rendered: NotificationsBoardProps) {
  const [props, refresh] = useServerRender(rendered);
  const visitor = useVisitor();
  const mark = useReadMark(props.cursor);
  const [unread, setUnread] = useState<Unread>();
  return (
    <>
      {/* Outside of the lists, which restart after a gap; the unread count must not. */}
      {mark !== undefined && visitor.person !== "" && (
        <UnreadReader mark={mark} person={visitor.person} onChange={setUnread} />
      )}
      <LiveBoard key={props.cursor} {...props} visitor={visitor} unread={unread} onGap={refresh} />
    </>
  );
}

interface LiveBoardProps extends NotificationsBoardProps {
  visitor: Author;
  unread: Unread | undefined;
  onGap: () => void;
}

function LiveBoard(props: LiveBoardProps) {
  const { entries, presence, cursor, renderedAt, visitor, unread, onGap } = props;
  const [toasts, setToasts] = useState<readonly AlertEntry[]>([]);
  const dismiss = useCallback(
    (id: string) => setToasts((shown) => shown.filter((one) => one.id !== id)),
    [],
  );
  const receive = (entry: Entry) => {
    serverClock.observe(entry.time);
    if (entry.kind === "ack") dismiss(entry.alert);
    if (entry.kind !== "alert") return;
    setToasts((shown) => [...shown.filter(({ id }) => id !== entry.id), entry].slice(-maxToasts));
    notify(entry);
  };
  // #region how subscribe
  const { status, data } = useChannel(logChannel, {
    event: "entry",
    initial: entries,
    cursor,
    reduce: (known: readonly Entry[], data: unknown, message: Message) => {
      const entry = readEntry(data);
      return entry ? addEntry(known, entryOf(entry, message)) : known;
    },
    onMessage: (data: unknown, message: Message) => {
      const entry = readEntry(data);
      if (entry) receive(entryOf(entry, message));
    },
    onGap,
  });
  // #endregion
  const [present, typing] = usePresence({ initial: presence, cursor, renderedAt, visitor });
  const unreadIds = new Set(unread?.entries.map(({ id }) => id));
  const acknowledged = new Map(
    data.flatMap((entry) => (entry.kind === "ack" ? [[entry.alert, entry.by] as const] : [])),
  );

  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      <div className="lg:col-span-2">
        <UnreadCard
          unread={unread}
          visitor={visitor}
          onRead={() => markRead(data.at(-1)?.id ?? cursor)}
        />
      </div>
      <ChatCard
        status={status}
        entries={data.filter((entry) => entry.kind === "chat")}
        unread={unreadIds}
        visitor={visitor}
        present={present}
        onTyping={typing}
      />
      <AlertsCard
        entries={data.filter((entry) => entry.kind === "alert")}
        acknowledged={acknowledged}
        unread={unreadIds}
        visitor={visitor}
      />
      <div className="lg:col-span-2">
        <ActivityCard entries={data} person={visitor.person} />
      </div>
      <Toasts alerts={toasts} onDismiss={dismiss} />
    </div>
  );
}
