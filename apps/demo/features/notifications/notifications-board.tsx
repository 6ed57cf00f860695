"use client";

import { useCallback, useState } from "react";
import type { LiveSnapshot, Message } from "sse-bus";
import type { PresenceMember } from "sse-bus/client";
import { SseProvider, useChannel, useLive } from "sse-bus/react";
import { readShape } from "@/lib/shape";
import { ActivityCard } from "./activity-card";
import { AlertsCard } from "./alerts-card";
import { notify } from "./browser-notifications";
import { ChatCard } from "./chat-card";
import type { AlertEntry, Author, Entry } from "./entry";
import { entries } from "./live";
import { entry } from "./shape";
import { Toasts } from "./toasts";
import { UnreadCard } from "./unread-card";
import { markRead, type Unread, UnreadReader, useReadMark } from "./unread-reader";
import { useMembers } from "./use-members";
import { useVisitorName } from "./visitor";

const maxToasts = 3;

interface NotificationsBoardProps {
  log: LiveSnapshot<readonly Entry[]>;
  members: readonly PresenceMember[];
  /** The visitor, as the server knows them. */
  visitor: Author;
}

/** On a stream route of its own, which knows the visitor. */
export function NotificationsBoard(props: NotificationsBoardProps) {
  return (
    <SseProvider url="/api/notifications" identity={props.visitor.person}>
      <VisitorBoard {...props} />
    </SseProvider>
  );
}

function VisitorBoard({ log, members, visitor: known }: NotificationsBoardProps) {
  const name = useVisitorName(known.name);
  const { present, person, setTyping } = useMembers({
    initial: members,
    visitor: { person: known.person, name },
  });
  const visitor = { person, name };
  const mark = useReadMark(log.cursor);
  const [unread, setUnread] = useState<Unread>();
  const [toasts, setToasts] = useState<readonly AlertEntry[]>([]);
  const dismiss = useCallback(
    (id: string) => setToasts((shown) => shown.filter((one) => one.id !== id)),
    [],
  );
  const receive = (entry: Entry) => {
    if (entry.kind === "chat" && entry.by.person === person) setTyping(false);
    if (entry.kind === "ack") dismiss(entry.alert);
    if (entry.kind !== "alert") return;
    setToasts((shown) => [...shown.filter(({ id }) => id !== entry.id), entry].slice(-maxToasts));
    notify(entry);
  };
  // #region how subscribe
  const { status, data } = useLive(entries, log);
  useChannel(entries.channel, {
    event: entries.event,
    cursor: log.cursor,
    onMessage: (data: unknown, { id, time }: Message) => {
      const next = readShape(entry, data);
      if (next) receive({ ...next, id, time });
    },
  });
  // #endregion
  const unreadIds = new Set(unread?.entries.map(({ id }) => id));
  const acknowledged = new Map(
    data.flatMap((entry) => (entry.kind === "ack" ? [[entry.alert, entry.by] as const] : [])),
  );

  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      {mark !== undefined && <UnreadReader mark={mark} person={person} onChange={setUnread} />}
      <div className="lg:col-span-2">
        <UnreadCard
          unread={unread}
          visitor={visitor}
          onRead={() => markRead(data.at(-1)?.id ?? log.cursor)}
        />
      </div>
      <ChatCard
        status={status}
        entries={data.filter((entry) => entry.kind === "chat")}
        unread={unreadIds}
        visitor={visitor}
        present={present}
        onTyping={() => setTyping(true)}
      />
      <AlertsCard
        entries={data.filter((entry) => entry.kind === "alert")}
        acknowledged={acknowledged}
        unread={unreadIds}
        visitor={visitor}
      />
      <div className="lg:col-span-2">
        <ActivityCard entries={data} person={person} />
      </div>
      <Toasts alerts={toasts} onDismiss={dismiss} />
    </div>
  );
}
