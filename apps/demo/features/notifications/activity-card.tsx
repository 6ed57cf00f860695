import { memo } from "react";
import { Card } from "@/components/ui/card";
import type { Entry } from "./entry";
import { Clock, Name } from "./entry-parts";
import { FollowingList } from "@/components/ui/following-list";

interface ActivityCardProps {
  entries: readonly Entry[];
  person: string;
}

/** All entries, in the channel's order. */
export function ActivityCard({ entries, person }: ActivityCardProps) {
  return (
    <Card title="Activity" className="flex h-64 flex-col">
      <FollowingList
        label="Events, newest last"
        newest={entries.at(-1)?.id}
        whenEmpty={{
          title: "No activity yet",
          hint: "All messages and alerts appear here, in one order.",
        }}
      >
        {entries.map((entry) => (
          <ActivityLine
            key={entry.id}
            entry={entry}
            about={entry.kind === "ack" ? textOf(entries, entry.alert) : ""}
            person={person}
          />
        ))}
      </FollowingList>
    </Card>
  );
}

interface ActivityLineProps {
  entry: Entry;
  about: string;
  person: string;
}

const ActivityLine = memo(function ActivityLine({ entry, about, person }: ActivityLineProps) {
  const text = "text" in entry ? entry.text : about;
  return (
    <li className="flex items-baseline gap-x-3 px-4 py-2 text-sm sm:px-5">
      <Clock time={entry.time} />
      <p className="line-clamp-2 min-w-0 flex-1 [overflow-wrap:anywhere]">
        <Name by={entry.by} person={person} /> {verbs[entry.kind]}
        {text !== "" && (
          <>
            : <bdi className="text-muted">{text}</bdi>
          </>
        )}
      </p>
    </li>
  );
});

const verbs: Record<Entry["kind"], string> = {
  join: "joined",
  chat: "wrote",
  alert: "raised an alert",
  ack: "acknowledged an alert",
};

function textOf(entries: readonly Entry[], alert: string): string {
  const found = entries.find(({ id }) => id === alert);
  return found?.kind === "alert" ? found.text : "";
}
