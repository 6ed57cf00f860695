import type { Message } from "sse-bus";
import { whileLeader } from "@/lib/leader";
import { positionOf } from "@/lib/position-of";
import { projection } from "@/lib/projection";
import { createServerClock } from "@/lib/server-clock";
import { bus, publish } from "@/lib/sse-bus";
import {
  commandChannel,
  type Heard,
  type Match,
  matchChannel,
  type Race,
  raceChannel,
} from "./scores";
import { readCommand, readMatch, readRace } from "./read-state";
import { advanceMatch, advanceRace, newMatch, newRace, obey, takeOver } from "./simulate";

const stepMs = 250;
const raceEveryMs = 500;
/** Also when nothing changes: a sign of life. */
const matchEveryMs = 2_000;
const retryMs = 1_000;

/** What the page starts with, and whoever takes the simulation over. */
export const loadMatch = projection<Heard<Match> | undefined, Match>({
  channel: matchChannel,
  initial: undefined,
  read: readMatch,
  apply: (_, value, { time }) => ({ value, at: time }),
});

export const loadRace = projection<Heard<Race> | undefined, Race>({
  channel: raceChannel,
  initial: undefined,
  read: readRace,
  apply: (_, value, { time }) => ({ value, at: time }),
});

/** Simulates on one of the instances that share the bus, while somebody looks. */
export function startSimulation(): () => void {
  return whileLeader("scores/leader", () => {
    const end = new AbortController();
    void insist(end.signal);
    return () => end.abort();
  });
}

/** The log may be away just when the simulation is to begin. */
async function insist(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await simulate(signal);
      return;
    } catch (error) {
      console.error("scores:", error);
      await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
    }
  }
}

async function simulate(signal: AbortSignal): Promise<void> {
  // Times are the log's own, whose clock need not be this machine's: every screen goes by it.
  const clock = createServerClock();
  const now = () => clock.now();
  clock.observe((await publish({}, { channel: "scores/clock", key: "clock" })).time);

  // #region how takeover
  const cursor = await bus.cursor();
  const [heardMatch, heardRace] = await Promise.all([loadMatch(), loadRace()]);
  if (signal.aborted) return;
  let match = heardMatch ? takeOver(heardMatch, now()) : newMatch(now());
  let race = heardRace ? takeOver(heardRace, now()) : newRace(now());

  // Whoever simulated before may have left commands behind: none is lost, none is obeyed twice.
  const stopListening = bus.subscribe(
    (data: unknown, { id }: Message) => {
      const command = readCommand(data);
      if (!command) return;
      ({ match, race } = obey({ match, race }, command, { now: now(), position: positionOf(id) }));
      tellMatch();
      tellRace();
    },
    { channel: commandChannel, after: match.appliedTo ?? cursor, onGap: () => {} },
  );
  // #endregion

  let matchToldAt = 0;
  let raceToldAt = 0;

  // #region how publish
  /** The whole state under one key: the newest is all that anybody needs. */
  function tellMatch(): void {
    matchToldAt = now();
    publish(match, { channel: matchChannel, event: "match", key: "match" }).then(
      ({ time }) => clock.observe(time),
      ignore,
    );
  }

  function tellRace(): void {
    raceToldAt = now();
    publish(race, { channel: raceChannel, event: "race", key: "race" }).catch(ignore);
  }

  function step(): void {
    const before = match;
    match = advanceMatch(match, now(), { stepMs });
    if (match.isPlaying) race = advanceRace(race, now(), { stepMs });
    if (match !== before || now() - matchToldAt >= matchEveryMs) tellMatch();
    if (now() - raceToldAt >= raceEveryMs) tellRace();
  }
  // #endregion

  tellMatch();
  tellRace();
  const timer = setInterval(step, stepMs).unref();
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    stopListening();
  });
}

/** The log is away: another message follows. */
function ignore(): void {}
