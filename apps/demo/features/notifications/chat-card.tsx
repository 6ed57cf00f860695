import { memo } from "react";
import { say } from "@/app/actions/notifications";
import { Card } from "@/components/ui/card";
import { ConnectionBadge, type ConnectionStatus } from "@/components/ui/connection-badge";
import { type Author, type ChatEntry, maxChatLength } from "./entry";
import { Clock, Name, NewMark, Written } from "./entry-parts";
import { FollowingList } from "@/components/ui/following-list";
import { PostForm } from "./post-form";
import type { Present } from "./members";

interface ChatCardProps {
  status: ConnectionStatus;
  entries: readonly ChatEntry[];
  unread: ReadonlySet<string>;
  visitor: Author;
  present: readonly Present[];
  onTyping: () => void;
}

export function ChatCard(props: ChatCardProps) {
  const { status, entries, unread, visitor, present, onTyping } = props;
  return (
    <Card title="Chat" className="flex h-112 flex-col" aside={<ConnectionBadge status={status} />}>
      <PresentPeople present={present} person={visitor.person} />
      <FollowingList
        label="Messages, newest last"
        newest={entries.at(-1)?.id}
        whenEmpty={{ title: "No messages yet", hint: "Say hello, and look at a second window." }}
        isSpoken
      >
        {entries.map((entry) => (
          <ChatLine
            key={entry.id}
            entry={entry}
            isUnread={unread.has(entry.id)}
            person={visitor.person}
          />
        ))}
      </FollowingList>
      <div className="border-t border-line">
        <PostForm
          action={say}
          visitor={visitor}
          label="Your message"
          placeholder="Write a message"
          maxLength={maxChatLength}
          submit="Send"
          hint="Every open window shows it."
          onInput={onTyping}
        />
      </div>
    </Card>
  );
}

/** Two lines of a fixed height, so that nothing moves. */
function PresentPeople({ present, person }: { present: readonly Present[]; person: string }) {
  const typing = present.filter((one) => one.status === "typing" && one.person !== person);
  return (
    <div className="h-15 border-b border-line bg-sunken px-4 py-2.5 text-sm/5 sm:px-5">
      <ul aria-label="Who is here" className="flex gap-x-4 overflow-hidden" data-testid="present">
        {present.length === 0 && <li className="text-muted">No one is here yet.</li>}
        {present.map((one) => (
          <li key={one.person} className="flex min-w-0 shrink-0 items-center gap-1.5">
            <span
              aria-hidden="true"
              className={`size-2 rounded-full ${one.status === "away" ? "border border-edge" : "bg-good"}`}
            />
            <span className={`max-w-40 truncate ${one.status === "away" ? "text-muted" : ""}`}>
              <bdi>{one.name}</bdi>
              {one.person === person && <span className="text-muted"> (you)</span>}
              {one.status === "away" && <span className="text-muted"> away</span>}
            </span>
          </li>
        ))}
      </ul>
      <p className="truncate text-muted" data-testid="typing">
        {typing.length === 1 && (
          <>
            <bdi>{typing[0]?.name}</bdi> is typing…
          </>
        )}
        {typing.length > 1 && `${typing.length} people are typing…`}
      </p>
    </div>
  );
}

interface ChatLineProps {
  entry: ChatEntry;
  isUnread: boolean;
  person: string;
}

const ChatLine = memo(function ChatLine({ entry, isUnread, person }: ChatLineProps) {
  return (
    <li className="px-4 py-2.5 sm:px-5">
      <div className="flex flex-wrap items-baseline gap-x-3 text-sm">
        <Name by={entry.by} person={person} />
        <Clock time={entry.time} />
        {isUnread && <NewMark />}
      </div>
      <Written text={entry.text} />
    </li>
  );
});
