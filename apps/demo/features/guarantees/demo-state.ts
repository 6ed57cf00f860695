import type { SseConnection } from "sse-bus/client";
import type { WireEvent } from "./wire-tap";

const maxNotes = 40;

export interface Note {
  id: number;
  time: number;
  text: string;
  tone: "neutral" | "good" | "warn" | "bad";
}

/** What the page knows about its stream from the numbers in the messages. */
export interface DemoState {
  status: SseConnection["status"];
  received: number;
  /** The last tick's number. Each tick is one higher than the one before. */
  last: number | undefined;
  /** Missing messages that a `gap` reported. */
  reported: number;
  /** Missing messages without a gap. Must stay 0. */
  unreported: number;
  /** Superseded messages that were skipped. */
  superseded: number;
  lastNewest: number | undefined;
  isGapOpen: boolean;
  notes: readonly Note[];
}

export type DemoEvent =
  | { kind: "status"; connection: SseConnection }
  | { kind: "tick" | "newest"; n: number }
  | { kind: "wire"; wire: WireEvent; time: number }
  | { kind: "note"; text: string; time: number };

export const initialDemo: DemoState = {
  status: "connecting",
  received: 0,
  last: undefined,
  reported: 0,
  unreported: 0,
  superseded: 0,
  lastNewest: undefined,
  isGapOpen: false,
  notes: [],
};

export function reduceDemo(state: DemoState, event: DemoEvent): DemoState {
  switch (event.kind) {
    case "status":
      return { ...state, status: event.connection.status };
    case "tick":
      return addTick(state, event.n);
    case "newest":
      return addNewest(state, event.n);
    case "wire":
      return addWire(state, event.wire, event.time);
    default:
      return note(state, event);
  }
}

function addTick(state: DemoState, n: number): DemoState {
  const { last, isGapOpen, reported, unreported } = state;
  if (last !== undefined && n <= last) return state;
  const missing = last === undefined ? 0 : n - last - 1;
  const next = { ...state, last: n, received: state.received + 1 };
  if (missing === 0) return next;
  const text = isGapOpen
    ? `The gap was ${missing.toLocaleString("en")} messages.`
    : `${missing} messages are missing without a gap.`;
  return note(
    {
      ...next,
      isGapOpen: false,
      reported: isGapOpen ? reported + missing : reported,
      unreported: isGapOpen ? unreported : unreported + missing,
    },
    { text, time: Date.now(), tone: isGapOpen ? "neutral" : "bad" },
  );
}

function addNewest(state: DemoState, n: number): DemoState {
  const { lastNewest = n - 1, superseded } = state;
  if (n <= lastNewest) return state;
  const skipped = n - lastNewest - 1;
  const next = { ...state, lastNewest: n, superseded: superseded + skipped };
  if (skipped === 0) return next;
  return note(next, {
    text: `Received the newest of ${skipped + 1} keyed messages.`,
    time: Date.now(),
  });
}

function addWire(state: DemoState, { event, data }: WireEvent, time: number): DemoState {
  switch (event) {
    case "gap":
      return note(
        { ...state, isGapOpen: true },
        { time, tone: "warn", text: `gap (${text(data, "reason")}): some messages are lost.` },
      );
    case "bye":
      return note(state, {
        time,
        tone: "warn",
        text: `bye (${text(data, "reason")}): reconnect in ${text(data, "retryMs")} ms.`,
      });
    case "hello":
      return note(state, {
        time,
        tone: "good",
        text:
          state.last === undefined
            ? "hello: the stream is open."
            : data.resumed === true
              ? `hello: resumed after number ${state.last}.`
              : "hello: reconnected, but some messages are lost.",
      });
    default:
      return note(state, { time, tone: "warn", text: "The connection is closed." });
  }
}

function note(
  state: DemoState,
  { time, text: words, tone = "neutral" }: { time: number; text: string; tone?: Note["tone"] },
): DemoState {
  const id = (state.notes.at(-1)?.id ?? 0) + 1;
  return { ...state, notes: [...state.notes, { id, time, text: words, tone }].slice(-maxNotes) };
}

function text(data: Record<string, unknown>, name: string): string {
  const value = data[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
