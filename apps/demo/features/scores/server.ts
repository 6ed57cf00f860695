import { isSseBusError, type Message } from "sse-bus";
import { internalBus } from "@/lib/internal-bus";
import { whileLeader } from "@/lib/leader";
import { positionOf } from "@/lib/position-of";
import { projection } from "@/lib/projection";
import { createServerClock } from "@/lib/server-clock";
import { bus, publish } from "@/lib/sse-bus";
import {
  commandChannel,
  type Received,
  type Match,
  matchChannel,
  type Race,
  raceChannel,
} from "./scores";
import { readCommand, readMatch, readRace } from "./read-state";
import { advanceMatch, advanceRace, newMatch, newRace, obey, takeOver } from "./simulate";

const stepMs = 250;
const raceEveryMs = 500;
/** Publishes at least this often, as a heartbeat. */
const matchEveryMs = 2_000;
const retryMs = 1_000;

/** The initial data of the page, and of an instance that takes the simulation over. */
export const loadMatch = projection<Received<Match> | undefined, Match>({
  channel: matchChannel,
  initial: undefined,
  read: readMatch,
  apply: (_, value, { time }) => ({ value, at: time }),
});

export const loadRace = projection<Received<Race> | undefined, Race>({
  channel: raceChannel,
  initial: undefined,
  read: readRace,
  apply: (_, value, { time }) => ({ value, at: time }),
});

/** Runs the simulation on one of the instances, while a page is open. */
export function startSimulation(): () => void {
  return whileLeader("scores/leader", () => {
    const end = new AbortController();
    void insist(end.signal);
    return () => end.abort();
  });
}

/** Retries, because the backend may be down when the simulation starts. */
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
  // Use the log's time, not this machine's: every page follows the log's time.
  const clock = createServerClock();
  const now = () => clock.now();
  const asked = await internalBus().publish({}, { channel: "scores/clock", key: "clock" });
  clock.observe(asked.time);

  // #region how takeover
  const cursor = await bus.cursor();
  const [heardMatch, heardRace] = await Promise.all([loadMatch(), loadRace()]);
  if (signal.aborted) return;
  let match = heardMatch ? takeOver(heardMatch, now()) : newMatch(now());
  let race = heardRace ? takeOver(heardRace, now()) : newRace(now());

  // Resume after the last applied command, so that none is lost or applied twice.
  const stopListening = listenAfter(match.appliedTo ?? cursor);
  // #endregion

  function listenAfter(after: string): () => void {
    try {
      return bus.subscribe(apply, { channel: commandChannel, after, onGap: () => {} });
    } catch (error) {
      // Without this, a wrong position in the log would stop the simulation for as long as it is kept.
      if (after === cursor) throw error;
      match = newMatch(now());
      return listenAfter(cursor);
    }
  }

  function apply(data: unknown, { id }: Message): void {
    const command = readCommand(data);
    if (!command) return;
    ({ match, race } = obey({ match, race }, command, { now: now(), position: positionOf(id) }));
    tellMatch();
    tellRace();
  }

  let matchToldAt = 0;
  let raceToldAt = 0;

  // #region how publish
  /** Publishes the whole state under one key, so that only the newest counts. */
  function tellMatch(): void {
    matchToldAt = now();
    publish(match, { channel: matchChannel, event: "match", key: "match" }).then(
      ({ time }) => clock.observe(time),
      (error: unknown) => {
        if (isInvalid(error)) match = newMatch(now());
      },
    );
  }

  function tellRace(): void {
    raceToldAt = now();
    publish(race, { channel: raceChannel, event: "race", key: "race" }).catch((error: unknown) => {
      if (isInvalid(error)) race = newRace(now());
    });
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

/**
 * Whether a state has left its limits, as one from the log can when it advances: for example, a score
 * that is too high. It is replaced. After other errors (the backend is down), the next publish follows.
 */
function isInvalid(error: unknown): boolean {
  return isSseBusError(error) && error.code === "VALIDATION_FAILED";
}
