import {
  type Command,
  type Received,
  type Match,
  type MatchEvent,
  matchMs,
  matchSpeed,
  type Race,
  raceMetres,
  read,
  type Runner,
  teams,
  trusted,
} from "./scores";

/** How long a result is shown before the next match, in real time. */
const matchBreakMs = 15_000;
const raceBreakMs = 6_000;
/** The mean interval between events, in ms of real time. */
const meanMs = { goal: 90_000, "yellow card": 70_000, "red card": 600_000, chance: 9_000 } as const;
const maxEvents = 60;
const names = ["Aurora", "Bolt", "Comet", "Dasher", "Echo", "Falcon"];

export type Random = () => number;

/** Everything that a simulation publishes. */
export interface Game {
  match: Match;
  race: Race;
}

interface StepOptions {
  /** The time since the last step. */
  stepMs: number;
  /** @default Math.random */
  random?: Random;
}

export function newGame(now: number): Game {
  return { match: newMatch(now), race: newRace(now) };
}

/** The game after a step. A paused match stops the race, too. */
export function advance(game: Game, now: number, options: StepOptions): Game {
  const match = advanceMatch(game.match, now, options);
  return { match, race: match.isPlaying ? advanceRace(game.race, now, options) : game.race };
}

export function newMatch(now: number): Match {
  const clock = { elapsedMs: 0, since: now };
  return { id: String(now), isPlaying: true, clock, score: { home: 0, away: 0 }, events: [] };
}

export function newRace(now: number, random: Random = Math.random): Race {
  const runners = names.map((name) => ({ name, metres: 0, speed: 13 + 2 * random() }));
  return { id: String(now), clock: { elapsedMs: 0, since: now }, runners };
}

/** The game with which the next simulation continues; a new one where the log has none. */
export function takeOver(
  match: Received<Match> | undefined,
  race: Received<Race> | undefined,
  now: number,
): Game {
  return {
    match: match ? skip(match, now, matchSpeed) : newMatch(now),
    race: race ? skip(race, now) : newRace(now),
  };
}

/** Skips the time without a simulation. */
function skip<State extends Match | Race>(
  received: Received<State>,
  now: number,
  speed?: number,
): State {
  const { clock } = received.value;
  const until = trusted(received, now);
  if (clock.since === null || until === now) return received.value;
  return { ...received.value, clock: { elapsedMs: read(clock, until, speed), since: now } };
}

export function advanceMatch(
  match: Match,
  now: number,
  { stepMs, random = Math.random }: StepOptions,
): Match {
  if (match.endedAt !== undefined) {
    return match.isPlaying && now - match.endedAt > matchBreakMs
      ? { ...newMatch(now), ...(match.appliedTo && { appliedTo: match.appliedTo }) }
      : match;
  }
  if (!match.isPlaying) return match;
  const at = read(match.clock, now, matchSpeed);
  let next = match;
  const isPast = (kind: MatchEvent["kind"]) => match.events.some((one) => one.kind === kind);
  if (at >= matchMs / 2 && !isPast("half-time")) {
    next = happen(next, { kind: "half-time", at: matchMs / 2, by: "simulation" });
  }
  if (at >= matchMs) {
    next = happen(next, { kind: "full time", at: matchMs, by: "simulation" });
    return { ...next, clock: { elapsedMs: matchMs, since: null }, endedAt: now };
  }
  for (const kind of ["goal", "yellow card", "red card", "chance"] as const) {
    if (random() >= stepMs / meanMs[kind]) continue;
    const team = teams[random() < 0.5 ? 0 : 1];
    next = happen(next, { kind, team, at, by: "simulation" });
  }
  return next;
}

export function advanceRace(
  race: Race,
  now: number,
  { stepMs, random = Math.random }: StepOptions,
): Race {
  const time = read(race.clock, now);
  const isOver = race.runners.every(({ finishedMs }) => finishedMs !== undefined);
  if (isOver) {
    const last = Math.max(...race.runners.map(({ finishedMs = 0 }) => finishedMs));
    return time - last > raceBreakMs ? newRace(now, random) : race;
  }
  const front = Math.max(...race.runners.map(({ metres }) => metres));
  const runners = race.runners.map((runner) => run(runner, { time, front, stepMs, random }));
  return { ...race, runners: runners.toSorted(byPlace) };
}

/** Applies a visitor's command to the match and the race. */
export function obey(
  { match, race }: Game,
  command: Command,
  { now, position }: { now: number; position: string },
): Game {
  const known = { ...match, appliedTo: position };
  const at = read(match.clock, now, matchSpeed);
  switch (command.kind) {
    case "play":
      if (match.isPlaying) return { match: known, race };
      return {
        match: {
          ...known,
          isPlaying: true,
          ...(match.endedAt === undefined && { clock: { elapsedMs: at, since: now } }),
        },
        race: { ...race, clock: { elapsedMs: read(race.clock, now), since: now } },
      };
    case "pause":
      return {
        match: { ...known, isPlaying: false, clock: { elapsedMs: at, since: null } },
        race: { ...race, clock: { elapsedMs: read(race.clock, now), since: null } },
      };
    case "restart":
      return { match: { ...newMatch(now), appliedTo: position }, race: newRace(now) };
    case "undo":
      return { match: undoLast(known), race };
    default: {
      const { kind, team } = command;
      return { match: happen(known, { kind, team, at, by: "referee" }), race };
    }
  }
}

function happen(match: Match, event: Omit<MatchEvent, "id">): Match {
  const last = Number(match.events.at(-1)?.id.split("-")[1] ?? 0);
  const events = [...match.events, { ...event, id: `${match.id}-${last + 1}` }].slice(-maxEvents);
  return { ...match, events, score: count(match, event, 1) };
}

function undoLast(match: Match): Match {
  const index = match.events.findLastIndex(
    ({ kind, isUndone }) => /goal|card/.test(kind) && !isUndone,
  );
  const last = match.events[index];
  if (!last) return match;
  const events = match.events.with(index, { ...last, isUndone: true });
  return { ...match, events, score: count(match, last, -1) };
}

function count({ score }: Match, { kind, team }: Omit<MatchEvent, "id">, by: 1 | -1) {
  return kind === "goal" && team ? { ...score, [team]: score[team] + by } : score;
}

interface Step {
  /** Race time at the end of the step. */
  time: number;
  /** The leader's position. */
  front: number;
  stepMs: number;
  random: Random;
}

function run(runner: Runner, { time, front, stepMs, random }: Step): Runner {
  if (runner.finishedMs !== undefined) return runner;
  const seconds = stepMs / 1_000;
  // Runners that are behind speed up, so that there are overtakes to see.
  const effort = (front - runner.metres) * 0.04;
  const drift = (random() - 0.5) * 12 + (14 + effort - runner.speed) * 0.4;
  const speed = Math.min(18, Math.max(10, runner.speed + drift * seconds));
  const metres = runner.metres + speed * seconds;
  if (metres < raceMetres) return { ...runner, metres, speed };
  // The runner crossed the line during this step, not at its end.
  const lateMs = ((metres - raceMetres) / speed) * 1_000;
  return { ...runner, metres: raceMetres, speed, finishedMs: Math.round(time - lateMs) };
}

function byPlace(a: Runner, b: Runner): number {
  return (a.finishedMs ?? Infinity) - (b.finishedMs ?? Infinity) || b.metres - a.metres;
}
