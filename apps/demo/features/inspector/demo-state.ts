import type { SseConnection } from "sse-bus/client";
import type { WireEvent } from "./wire-tap";

const maxNotes = 40;

export interface Note {
  id: number;
  time: number;
  text: string;
  tone: "neutral" | "good" | "warn" | "bad";
}

/** What the page itself can tell of its stream, by the numbers that the messages carry. */
export interface DemoState {
  status: SseConnection["status"];
  received: number;
  /** The last tick's number: each one is one more than the one before. */
  last: number | undefined;
  /** Missing after a `gap` had told so. */
  announced: number;
  /** Missing without a word: must stay 0. */
  silent: number;
  /** Keyed messages left out because a newer one had come. */
  conflated: number;
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
  announced: 0,
  silent: 0,
  conflated: 0,
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
  const { last, isGapOpen, announced, silent } = state;
  if (last !== undefined && n <= last) return state;
  const missing = last === undefined ? 0 : n - last - 1;
  const next = { ...state, last: n, received: state.received + 1 };
  if (missing === 0) return next;
  const told = isGapOpen ? announced + missing : announced;
  const untold = isGapOpen ? silent : silent + missing;
  const text = isGapOpen
    ? `The gap stood for ${missing.toLocaleString("en")} messages.`
    : `${missing} messages are missing, and nobody said so.`;
  return note(
    { ...next, isGapOpen: false, announced: told, silent: untold },
    { text, time: Date.now(), tone: isGapOpen ? "neutral" : "bad" },
  );
}

function addNewest(state: DemoState, n: number): DemoState {
  const { lastNewest = n - 1, conflated } = state;
  if (n <= lastNewest) return state;
  const skipped = n - lastNewest - 1;
  const next = { ...state, lastNewest: n, conflated: conflated + skipped };
  if (skipped === 0) return next;
  return note(next, {
    text: `Of ${skipped + 1} keyed messages, the newest came.`,
    time: Date.now(),
  });
}

function addWire(state: DemoState, { event, data }: WireEvent, time: number): DemoState {
  switch (event) {
    case "gap":
      return note(
        { ...state, isGapOpen: true },
        { time, tone: "warn", text: `gap (${text(data, "reason")}): some are lost for good.` },
      );
    case "bye":
      return note(state, {
        time,
        tone: "warn",
        text: `bye (${text(data, "reason")}): come back in ${text(data, "retryMs")} ms.`,
      });
    case "hello":
      return note(state, {
        time,
        tone: "good",
        text:
          state.last === undefined
            ? "hello: the stream is open."
            : data.resumed === true
              ? `hello, resumed: going on after number ${state.last}.`
              : "hello: back, but not to all of it.",
      });
    default:
      return note(state, { time, tone: "warn", text: "The line is gone." });
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
