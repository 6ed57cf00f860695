"use client";

import { Badge, Dot, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { PauseButton } from "@/components/ui/pause-button";
import { clock } from "./clock";
import { EventRows } from "./event-rows";
import type { Hello, StreamState } from "./event-stream";
import { StatusAnnouncer } from "./status-announcer";
import { useEventLog } from "./use-event-log";

const labels: Record<StreamState, { tone: Tone; label: string }> = {
  connecting: { tone: "neutral", label: "Connecting" },
  live: { tone: "good", label: "Live" },
  reconnecting: { tone: "warn", label: "Reconnecting" },
  silent: { tone: "warn", label: "Silent" },
  closed: { tone: "bad", label: "Closed" },
};

/** Every event of one stream, newest first, over the browser's own `EventSource`. */
export function EventLogCard({ url }: { url: string }) {
  const { state, hello, heartbeatAt, reopen, clear, setPaused, ...log } = useEventLog(url);
  const { rows, total, held, paused } = log;
  const { tone, label } = labels[state];
  const waiting = state === "connecting" || state === "reconnecting";

  return (
    <Card
      title="Event log"
      className="flex h-112 flex-col lg:h-[clamp(28rem,100dvh-21rem,48rem)]"
      aside={
        <Badge tone={tone}>
          <Dot waiting={waiting} />
          <span data-testid="stream-state">{label}</span>
        </Badge>
      }
      actions={
        <>
          <PauseButton isPaused={paused} onToggle={() => setPaused(!paused)} />
          <Button small variant="quiet" onClick={clear}>
            Clear
          </Button>
        </>
      }
    >
      <div className="flex min-h-17 items-start gap-3 border-b border-line bg-sunken px-4 py-3 text-sm/5 text-muted sm:min-h-13 sm:items-center sm:px-5 sm:py-1">
        <p className="min-w-0 flex-1 break-words">{explain(state, hello)}</p>
        {(state === "closed" || state === "silent") && (
          <Button small onClick={reopen}>
            Reconnect
          </Button>
        )}
      </div>
      <EventRows
        rows={rows}
        whenEmpty={{ title: "No events yet", hint: emptyHint(state) }}
        hint={rows.some(({ event }) => event === "message") ? undefined : whenQuiet}
      />
      <div className="flex justify-between gap-x-4 border-t border-line px-4 py-2.5 text-xs text-muted tabular-nums sm:px-5">
        <p>{summary({ total, shown: rows.length, held, paused })}</p>
        <p className="shrink-0">
          {heartbeatAt !== undefined && `Last heartbeat ${clock.format(heartbeatAt).slice(0, 8)}`}
        </p>
      </div>
      <StatusAnnouncer label={label} total={total} />
    </Card>
  );
}

const whenQuiet = "New messages appear here immediately, in every open page.";

function explain(state: StreamState, hello: Hello | undefined): string {
  if (state !== "live") return troubles[state];
  if (hello === undefined) return "The stream is open.";
  const channels = `${hello.channels.length === 1 ? "channel" : "channels"} ${hello.channels.join(", ")}`;
  return `Connection ${hello.connection.slice(0, 8)} reads ${channels}, with a heartbeat every ${hello.heartbeatMs / 1_000} s.`;
}

const troubles: Record<Exclude<StreamState, "live">, string> = {
  connecting: "Opening the stream.",
  reconnecting: "The connection is down. The browser reconnects from the last id it received.",
  silent: "No heartbeat has arrived: the connection is probably dead.",
  closed: "The server did not send a stream. The page tries again.",
};

function emptyHint(state: StreamState): string {
  if (state === "live") return "New messages appear here immediately.";
  if (state === "closed") return "Events appear here after the next successful connection.";
  return "The first event, hello, arrives when the stream is open.";
}

interface Counts {
  total: number;
  shown: number;
  held: number;
  paused: boolean;
}

function summary({ total, shown, held, paused }: Counts): string {
  const counted = `${total.toLocaleString("en")} ${total === 1 ? "event" : "events"}`;
  const newest = shown === 0 ? "none" : `the newest ${shown.toLocaleString("en")}`;
  const part = shown + held < total ? `, ${newest} shown` : "";
  return paused
    ? `${counted}${part}. Paused: ${held.toLocaleString("en")} more received.`
    : counted + part;
}
