export const teams = ["home", "away"] as const;
export type Team = (typeof teams)[number];
export const teamNames: Record<Team, string> = { home: "Harbour", away: "Hill" };

/** Time that runs, or stands still. */
export interface Clock {
  elapsedMs: number;
  /** When it was that much, by the server's clock, in ms since 1970; `null` while it stands still. */
  since: number | null;
}

export type EventKind = "goal" | "yellow card" | "red card" | "chance" | "half-time" | "full time";

export interface MatchEvent {
  id: string;
  kind: EventKind;
  team?: Team;
  /** In ms of the match. */
  at: number;
  by: "simulation" | "referee";
  /** A referee has taken it back. */
  isUndone?: boolean;
}

/** A match, whole: who comes late needs nothing else. */
export interface Match {
  id: string;
  /** What the control panel asks for; the clock also stands still when nobody simulates. */
  isPlaying: boolean;
  clock: Clock;
  /** When it was over, in ms since 1970. */
  endedAt?: number;
  score: Record<Team, number>;
  /** The last ones, oldest first. */
  events: MatchEvent[];
  /** The last command that is in it: who takes over goes on after that one. */
  appliedTo?: string;
}

export interface Runner {
  name: string;
  metres: number;
  /** Metres a second. */
  speed: number;
  finishedMs?: number;
}

export interface Race {
  id: string;
  clock: Clock;
  /** First one first. */
  runners: Runner[];
}

/** Something, and when its sender was last heard, by the server's clock. */
export interface Heard<Value> {
  value: Value;
  at: number;
}

export const simpleCommands = ["play", "pause", "restart", "undo"] as const;
export const teamCommands = ["goal", "yellow card", "red card"] as const;
/** What a visitor may ask of the simulation. */
export type Command =
  | { kind: (typeof simpleCommands)[number] }
  | { kind: (typeof teamCommands)[number]; team: Team };

export const matchChannel = "scores/match";
export const raceChannel = "scores/race";
export const commandChannel = "scores/commands";

/** A match of 90 minutes takes nine. */
export const matchSpeed = 10;
export const matchMs = 90 * 60_000;
export const raceMetres = 1_000;
/** While it runs, a simulation is heard at least every two seconds. */
export const lostMs = 6_000;

/** What a clock says at a moment of the server's clock. */
export function read({ elapsedMs, since }: Clock, now: number, speed = 1): number {
  return since === null ? elapsedMs : elapsedMs + Math.max(0, now - since) * speed;
}

/** Until when a clock may be trusted to run: not for ever, if nobody simulates any more. */
export function trusted({ at }: Heard<unknown>, now: number): number {
  return now - at > lostMs ? at : now;
}

/** Whether a line is down that was up before. */
export function isLineDown(status: string): boolean {
  return status === "reconnecting" || status === "paused";
}

/** `67:30`; with tenths `1:07.3`. */
export function formatTime(ms: number, withTenths = false): string {
  const tenths = Math.floor(ms / 100);
  const seconds = Math.floor(tenths / 10);
  const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return withTenths ? `${text}.${tenths % 10}` : text;
}
