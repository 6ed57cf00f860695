import { useEffect, useReducer, useRef, useState } from "react";
import { createSseClient } from "sse-bus/client";
import { useChannel } from "sse-bus/react";
import { controlDemo } from "@/app/actions/guarantees";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { FollowingList } from "@/components/ui/following-list";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { formatBytes, formatClock } from "@/lib/format";
import { type DemoCommand, demoChannel, floodSize, type ServerView, viewChannel } from "./demo";
import { initialDemo, type Note, reduceDemo } from "./demo-state";
import { readTick, readView } from "./shape";
import { tapped } from "./wire-tap";

const controls = [
  {
    kind: "cut",
    label: "Drop connection",
    description:
      "The connection breaks. The page reconnects with its cursor and receives what it missed.",
  },
  {
    kind: "stall",
    label: "Stall the stream",
    description:
      "The page stops reading, like a slow phone. Its lag grows, but no queue does. Afterwards it receives every tick, and only the newest keyed message.",
  },
  {
    kind: "evict",
    label: "Evict",
    description: `The connection breaks and ${floodSize.toLocaleString("en")} messages are published, more than history keeps. The cursor is too old, and a gap reports the loss.`,
  },
  {
    kind: "drain",
    label: "Drain",
    description:
      "The server ends the stream with bye, as before a shutdown. The page reconnects and resumes.",
  },
] as const satisfies readonly { kind: DemoCommand; label: string; description: string }[];

export function DemoCard({ id }: { id: string }) {
  const [state, dispatch] = useReducer(reduceDemo, initialDemo);
  const [stalledAt, setStalledAt] = useState<number>();
  const [answer, setAnswer] = useState<string>();
  const isStalled = stalledAt !== undefined && (state.last ?? 0) <= stalledAt;
  const last = useRef(0);
  useEffect(() => {
    last.current = state.last ?? 0;
  }, [state.last]);

  useEffect(() => {
    // A separate client: the commands must not affect the page's other channels.
    const client = createSseClient({
      url: "/api/guarantees",
      shareTabs: false,
      backoff: { baseMs: 500, maxMs: 4_000 },
      fetch: tapped((wire) => dispatch({ kind: "wire", wire, time: Date.now() })),
      onError: () => {},
    });
    // #region how count
    client.subscribe(
      demoChannel(id),
      (data, { event }) => {
        const tick = readTick(data);
        if (tick && (event === "tick" || event === "newest")) dispatch({ kind: event, n: tick.n });
      },
      { onStatus: (connection) => dispatch({ kind: "status", connection }) },
    );
    // #endregion
    return () => client.close();
  }, [id]);

  const act = async (kind: DemoCommand, label: string) => {
    dispatch({ kind: "note", text: `You: ${label.toLowerCase()}.`, time: Date.now() });
    const refusal = await controlDemo(id, kind).catch(
      () => "The server could not be reached. Try again.",
    );
    setAnswer(refusal);
    if (refusal !== undefined) return;
    // One or two ticks may already be in flight.
    setStalledAt(kind === "stall" ? last.current + 4 : undefined);
  };

  return (
    <Card
      title="The guarantees, on this page’s own stream"
      aside={<ConnectionBadge status={state.status} />}
    >
      <ul className="grid grid-cols-1 gap-px bg-line sm:grid-cols-2 xl:grid-cols-4">
        {controls.map(({ kind, label, description }) => {
          const isResume = kind === "stall" && isStalled;
          return (
            <li key={kind} className="grid content-start gap-3 bg-surface p-4 sm:p-5">
              <Button
                className="justify-self-start"
                data-command={kind}
                onClick={() => void act(isResume ? "resume" : kind, isResume ? "Resume" : label)}
              >
                {isResume ? "Resume" : label}
              </Button>
              <p className="text-sm/6 text-muted">{description}</p>
            </li>
          );
        })}
      </ul>
      <div className="grid grid-cols-1 border-t border-line lg:grid-cols-2">
        <dl
          className="grid grid-cols-2 content-start gap-x-4 gap-y-3 p-4 sm:grid-cols-3 sm:p-5"
          data-testid="demo-counts"
        >
          <Count name="Received" value={state.received} />
          <Count name="Lost without a gap" value={state.unreported} isBad={state.unreported > 0} />
          <Count name="Lost, reported in a gap" value={state.reported} />
          <Count name="Superseded by key" value={state.superseded} />
          <ServerCounts id={id} />
        </dl>
        <div className="flex h-64 flex-col border-t border-line lg:border-t-0 lg:border-l">
          <FollowingList
            label="Events of the stream"
            newest={state.notes.at(-1)?.id.toString()}
            whenEmpty="Opening the stream."
            isSpoken
          >
            {state.notes.map((note) => (
              <NoteRow key={note.id} note={note} />
            ))}
          </FollowingList>
        </div>
      </div>
      <output className="block min-h-10 border-t border-line px-4 py-2.5 text-sm/5 text-bad sm:px-5">
        {answer}
      </output>
    </Card>
  );
}

/** The stream as its server sees it. */
function ServerCounts({ id }: { id: string }) {
  const { data: view } = useChannel(viewChannel(id), {
    initial: undefined as ServerView | undefined,
    reduce: (before, data: unknown) => readView(data) ?? before,
  });
  return (
    <>
      <Count name="Lag on the server" value={view?.lag ?? "–"} testId="demo-lag" />
      <Count
        name="Kept in the channel"
        value={view ? `${view.messages.toLocaleString("en")} · ${formatBytes(view.bytes)}` : "–"}
      />
      <Count
        name="Kept in total"
        value={
          view ? `${formatBytes(view.historyBytes)} of ${formatBytes(view.maxHistoryBytes)}` : "–"
        }
      />
    </>
  );
}

interface CountProps {
  name: string;
  value: number | string;
  isBad?: boolean;
  testId?: string;
}

function Count({ name, value, isBad = false, testId }: CountProps) {
  return (
    <div className="min-w-0">
      <dt className="text-sm text-muted">{name}</dt>
      <dd
        data-testid={testId}
        data-count={name}
        className={`mt-0.5 text-lg font-semibold tracking-tight tabular-nums ${isBad ? "text-bad" : ""}`}
      >
        {typeof value === "number" ? value.toLocaleString("en") : value}
      </dd>
    </div>
  );
}

const noteColours = { neutral: "", good: "text-good", warn: "text-warn", bad: "text-bad" };

function NoteRow({ note: { time, text, tone } }: { note: Note }) {
  return (
    <li className="flex gap-3 px-4 py-1.5 text-sm/5 sm:px-5">
      <time className="font-mono text-xs/5 text-muted tabular-nums">{formatClock(time)}</time>
      <span className={`min-w-0 break-words ${noteColours[tone]}`}>{text}</span>
    </li>
  );
}
