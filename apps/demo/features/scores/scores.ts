export const teams = ["home", "away"] as const;
export type Team = (typeof teams)[number];
export const teamNames: Record<Team, string> = { home: "Harbour", away: "Hill" };

/** A clock that runs or is stopped. */
export interface Clock {
  elapsedMs: number;
  /** The server time of that value, in ms since 1970; `null` while the clock is stopped. */
  since: number | null;
}

export type EventKind = "goal" | "yellow card" | "red card" | "chance" | "half-time" | "full time";

export interface MatchEvent {
  id: string;
  kind: EventKind;
  team?: Team;
  /** In ms of match time. */
  at: number;
  by: "simulation" | "referee";
  /** A referee undid it. */
  isUndone?: boolean;
}

/** A state that one simulation at a time publishes. */
export interface Simulated {
  /** The fencing number of the simulation: greater than that of every one before. */
  fence?: number;
}

/** The whole state of a match, in one message. */
export interface Match extends Simulated {
  id: string;
  /** Set by the control panel. The clock also stops without a simulation. */
  isPlaying: boolean;
  clock: Clock;
  /** When it ended, in ms since 1970. */
  endedAt?: number;
  score: Record<Team, number>;
  /** The last events, oldest first. */
  events: MatchEvent[];
  /** The id of the last command that the state includes. The next simulation continues after it. */
  appliedTo?: string;
}

export interface Runner {
  name: string;
  metres: number;
  /** Metres per second. */
  speed: number;
  finishedMs?: number;
}

export interface Race extends Simulated {
  id: string;
  clock: Clock;
  /** By place. */
  runners: Runner[];
}

/** A received value and its server time. */
export interface Received<Value> {
  value: Value;
  at: number;
}

export const simpleCommands = ["play", "pause", "restart", "undo"] as const;
export const teamCommands = ["goal", "yellow card", "red card"] as const;
/** The commands of the control panel. */
export type Command =
  | { kind: (typeof simpleCommands)[number] }
  | { kind: (typeof teamCommands)[number]; team: Team };

export const commandChannel = "scores/commands";

/** A match of 90 minutes takes nine. */
export const matchSpeed = 10;
export const matchMs = 90 * 60_000;
export const raceMetres = 1_000;
/** A running simulation publishes at least every two seconds. */
export const lostMs = 6_000;

/**
 * The state after a message. While a simulation publishes, a state of an earlier one does not count: an
 * instance that was paused may publish once more after another has taken over.
 */
export function latest<State extends Simulated>(
  known: Received<State> | undefined,
  value: State,
  { time: at }: { time: number },
): Received<State> {
  const isEarlier = (value.fence ?? 0) < (known?.value.fence ?? 0);
  return known && isEarlier && at - known.at <= lostMs ? known : { value, at };
}

/** A clock's value at a server time. */
export function read({ elapsedMs, since }: Clock, now: number, speed = 1): number {
  return since === null ? elapsedMs : elapsedMs + Math.max(0, now - since) * speed;
}

/** The server time up to which a clock runs: it stops when the simulation is lost. */
export function trusted({ at }: Received<unknown>, now: number): number {
  return now - at > lostMs ? at : now;
}

/** Whether an open connection was lost. */
export function isDisconnected(status: string): boolean {
  return status === "reconnecting" || status === "paused";
}

/** `67:30`; with tenths `1:07.3`. */
export function formatTime(ms: number, withTenths = false): string {
  const tenths = Math.floor(ms / 100);
  const seconds = Math.floor(tenths / 10);
  const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return withTenths ? `${text}.${tenths % 10}` : text;
}
