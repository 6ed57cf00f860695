import { useState } from "react";
import { acknowledge, raiseAlert } from "@/app/actions/notifications";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { FollowingList } from "@/components/ui/following-list";
import { useFocusKeeper } from "@/components/ui/use-focus-keeper";
import { type AlertEntry, alertLevels, type Author, maxAlertLength } from "./entry";
import { Clock, levelTones, Name, NewMark, Written } from "./entry-parts";
import { PostForm } from "./post-form";

interface AlertsCardProps {
  entries: readonly AlertEntry[];
  /** Who acknowledged which alert. */
  acknowledged: ReadonlyMap<string, Author>;
  unread: ReadonlySet<string>;
  visitor: Author;
}

export function AlertsCard({ entries, acknowledged, unread, visitor }: AlertsCardProps) {
  const [refusal, setRefusal] = useState<string>();
  const take = (alert: string) =>
    void acknowledge(alert, visitor.name).then(setRefusal, () =>
      setRefusal("The server could not be reached. Try again."),
    );

  return (
    <Card title="Alerts" className="flex h-112 flex-col">
      <div className="border-b border-line bg-sunken">
        <PostForm
          action={raiseAlert}
          visitor={visitor}
          label="Alert text"
          placeholder="What happened?"
          maxLength={maxAlertLength}
          submit="Raise"
          hint="Every open window shows it."
        >
          <label htmlFor="alert-level" className="sr-only">
            Level
          </label>
          <select
            id="alert-level"
            name="level"
            defaultValue="warning"
            className="h-11 rounded-lg border border-edge bg-surface px-2 text-base sm:text-sm"
          >
            {alertLevels.map((level) => (
              <option key={level}>{level}</option>
            ))}
          </select>
        </PostForm>
      </div>
      <FollowingList
        label="Alerts, newest last"
        newest={entries.at(-1)?.id}
        whenEmpty={{
          title: "No alerts yet",
          hint: "Raise one: every open window shows it immediately.",
        }}
      >
        {entries.map((entry) => (
          <AlertLine
            key={entry.id}
            entry={entry}
            taker={acknowledged.get(entry.id)}
            isUnread={unread.has(entry.id)}
            person={visitor.person}
            onTake={take}
          />
        ))}
      </FollowingList>
      <output className="block h-10 truncate border-t border-line empty:border-transparent px-4 py-2.5 text-sm/5 text-bad sm:px-5">
        {refusal}
      </output>
    </Card>
  );
}

interface AlertLineProps {
  entry: AlertEntry;
  taker: Author | undefined;
  isUnread: boolean;
  person: string;
  onTake: (alert: string) => void;
}

function AlertLine({ entry, taker, isUnread, person, onTake }: AlertLineProps) {
  const keeper = useFocusKeeper<HTMLLIElement>();
  return (
    <li
      {...keeper}
      className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 px-4 py-2.5 -outline-offset-2 sm:px-5"
    >
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 text-sm">
          <Badge tone={levelTones[entry.level]}>{entry.level}</Badge>
          <Name by={entry.by} person={person} />
          <Clock time={entry.time} />
          {isUnread && <NewMark />}
        </div>
        <Written text={entry.text} />
      </div>
      {/* Both have the same height, so that nothing moves. */}
      <div className="flex h-11 max-w-36 lg:h-9 items-center justify-end text-sm">
        {taker ? (
          <span className="truncate text-muted">
            <bdi>{taker.name}</bdi> acknowledged
          </span>
        ) : (
          <Button small onClick={() => onTake(entry.id)}>
            Acknowledge
          </Button>
        )}
      </div>
    </li>
  );
}
