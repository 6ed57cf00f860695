import { useState } from "react";
import { useChannel } from "sse-bus/react";
import { Badge } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { FollowingList } from "@/components/ui/following-list";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { PauseButton } from "@/components/ui/pause-button";
import { Payload } from "@/features/event-log/payload";
import { formatClock } from "@/lib/format";

const keptMessages = 200;
const isPattern = /^(?:\*\*|[\w.~:*-]+(?:\/[\w.~:*-]+)*)$/;

const none: readonly Line[] = [];

interface Line {
  id: string;
  channel: string;
  event: string;
  time: number;
  text: string;
}

/** The messages of a channel or pattern, live, as text. */
export function TailCard() {
  const [pattern, setPattern] = useState("**");
  const [typed, type] = useState("**");
  const [words, setWords] = useState("");
  const [held, hold] = useState<readonly Line[]>();
  const { status, data } = useChannel(pattern, {
    initial: none,
    reduce(lines, value: unknown, { id, channel, event }) {
      // Hide the page's own messages, unless the pattern names them.
      if (pattern === "**" && channel.startsWith("inspector/")) return lines;
      const text = JSON.stringify(value) ?? "";
      return [...lines, { id, channel, event, time: Date.now(), text }].slice(-keptMessages);
    },
  });
  const isValid = isPattern.test(typed);
  const wanted = words.toLowerCase();
  const lines = (held ?? data).filter(({ channel, event, text }) =>
    `${channel} ${event} ${text}`.toLowerCase().includes(wanted),
  );

  return (
    <Card
      title="Messages"
      className="flex h-128 flex-col"
      aside={<ConnectionBadge status={status} />}
      actions={
        <PauseButton
          isPaused={held !== undefined}
          onToggle={() => hold(held === undefined ? data : undefined)}
        />
      }
    >
      <form
        className="grid grid-cols-2 gap-3 border-b border-line bg-sunken px-4 py-3 text-sm sm:px-5"
        onSubmit={(submitted) => {
          submitted.preventDefault();
          if (isValid) setPattern(typed);
        }}
      >
        <label className="grid gap-1">
          Channel or pattern
          <input
            name="pattern"
            value={typed}
            aria-invalid={!isValid}
            onChange={({ currentTarget }) => type(currentTarget.value)}
            onBlur={() => isValid && setPattern(typed)}
            className={input}
          />
        </label>
        <label className="grid gap-1">
          Containing
          <input
            name="words"
            value={words}
            onChange={({ currentTarget }) => setWords(currentTarget.value)}
            className={input}
          />
        </label>
      </form>
      <FollowingList
        label="Messages, newest last"
        newest={lines.at(-1)?.id}
        whenEmpty={
          data.length === 0
            ? "No message since the page was opened. Publish one."
            : "No message contains this text."
        }
      >
        {lines.map(({ id, channel, event, time, text }) => (
          <li key={id} className="grid gap-x-3 px-4 py-2 text-sm sm:px-5">
            <div className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-1">
              <time className="font-mono text-xs text-muted tabular-nums">{formatClock(time)}</time>
              <bdi className="font-mono text-xs break-all">{channel}</bdi>
              <Badge tone={event === "message" ? "accent" : "neutral"}>{event}</Badge>
            </div>
            <Payload text={text} />
          </li>
        ))}
      </FollowingList>
    </Card>
  );
}

const input =
  "h-9 min-w-0 rounded-lg border border-edge bg-surface px-2.5 font-mono text-base aria-invalid:border-bad sm:text-sm";
