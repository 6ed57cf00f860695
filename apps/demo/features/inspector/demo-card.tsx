import { useEffect, useReducer, useRef, useState } from "react";
import { createSseClient } from "sse-bus/client";
import { controlDemo } from "@/app/actions/inspector";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { FollowingList } from "@/components/ui/following-list";
import { LineBadge } from "@/components/ui/line-badge";
import { formatBytes, formatClock } from "@/lib/format";
import { type DemoCommand, demoChannel, floodSize } from "./demo";
import { initialDemo, type Note, reduceDemo } from "./demo-state";
import { readTick } from "./shape";
import type { Instances } from "./snapshot";
import { tapped } from "./wire-tap";

const controls = [
  {
    kind: "cut",
    label: "Drop my line",
    says: "The connection breaks in mid-stream. It comes back with its cursor, and what happened meanwhile arrives.",
  },
  {
    kind: "stall",
    label: "Stall this reader",
    says: "It stops reading, as a slow phone does. Its lag grows; no queue does. Then it gets all ticks, and of the keyed messages only the newest.",
  },
  {
    kind: "evict",
    label: "Evict",
    says: `The line breaks and ${floodSize.toLocaleString("en")} messages pass, more than history keeps. The cursor is too old: a gap says so.`,
  },
  {
    kind: "drain",
    label: "Drain",
    says: "The server tells this page’s stream bye, as it does to all before it stops. The page resumes elsewhere, or here.",
  },
] as const satisfies readonly { kind: DemoCommand; label: string; says: string }[];

export function DemoCard({ id, instances }: { id: string; instances: Instances }) {
  const channel = demoChannel(id);
  const [state, tell] = useReducer(reduceDemo, initialDemo);
  const [stalledAt, stall] = useState<number>();
  const [answer, setAnswer] = useState<string>();
  const isStalled = stalledAt !== undefined && (state.last ?? 0) <= stalledAt;
  const last = useRef(0);
  useEffect(() => {
    last.current = state.last ?? 0;
  }, [state.last]);

  useEffect(() => {
    // A client of its own: what is done to this line must not touch the page's others.
    const client = createSseClient({
      url: "/api/inspector/demo",
      shareTabs: false,
      backoff: { baseMs: 500, maxMs: 4_000 },
      fetch: tapped((wire) => tell({ kind: "wire", wire, time: Date.now() })),
      onError: () => {},
    });
    client.subscribe(
      demoChannel(id),
      (data, { event }) => {
        const tick = readTick(data);
        if (tick && (event === "tick" || event === "newest")) tell({ kind: event, n: tick.n });
      },
      { onStatus: (connection) => tell({ kind: "status", connection }) },
    );
    return () => client.close();
  }, [id]);

  const act = async (kind: DemoCommand, label: string) => {
    tell({ kind: "note", text: `You: ${label.toLowerCase()}.`, time: Date.now() });
    const refusal = await controlDemo(id, kind).catch(
      () => "The server could not be reached. Try again.",
    );
    setAnswer(refusal);
    if (refusal !== undefined) return;
    // One or two ticks were on their way.
    stall(kind === "stall" ? last.current + 4 : undefined);
  };

  return (
    <Card
      title="The guarantees, on a stream of this page’s own"
      aside={<LineBadge status={state.status} />}
    >
      <ul className="grid grid-cols-1 gap-px bg-line sm:grid-cols-2 xl:grid-cols-4">
        {controls.map(({ kind, label, says }) => {
          const isResume = kind === "stall" && isStalled;
          return (
            <li key={kind} className="grid content-start gap-3 bg-surface p-4 sm:p-5">
              <Button
                className="justify-self-start"
                data-command={kind}
                onClick={() => void act(isResume ? "resume" : kind, isResume ? "Read on" : label)}
              >
                {isResume ? "Read on" : label}
              </Button>
              <p className="text-sm/6 text-muted">{says}</p>
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
          <Count name="Lost silently" value={state.silent} isBad={state.silent > 0} />
          <Count name="Lost, as a gap told" value={state.announced} />
          <Count name="Keyed, superseded" value={state.conflated} />
          <ServerView channel={channel} instances={instances} />
        </dl>
        <div className="flex h-64 flex-col border-t border-line lg:border-t-0 lg:border-l">
          <FollowingList
            label="What happened to the stream"
            newest={state.notes.at(-1)?.id.toString()}
            whenEmpty="The stream is being opened."
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

/** The same stream as the instances see it. */
function ServerView({ channel, instances }: { channel: string; instances: Instances }) {
  const newest = Object.values(instances).flatMap((list) => list.slice(-1));
  const connection = newest
    .flatMap(({ connections }) => connections.listed)
    .find(({ channels }) => channels.includes(channel));
  const kept = newest
    .flatMap(({ channels }) => channels.listed)
    .find(({ name }) => name === channel);
  const history = newest.find(({ channels }) =>
    channels.listed.some(({ name }) => name === channel),
  );
  return (
    <>
      <Count name="Lag on the server" value={connection?.lag ?? "–"} testId="demo-lag" />
      <Count
        name="Kept of the channel"
        value={kept ? `${kept.messages.toLocaleString("en")} · ${formatBytes(kept.bytes)}` : "–"}
      />
      <Count
        name="Kept in all, at most"
        value={
          history
            ? `${formatBytes(history.history.bytes)} of ${formatBytes(history.history.maxBytes)}`
            : "–"
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
