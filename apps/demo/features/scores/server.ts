import { isSseBusError, type Message } from "sse-bus";
import { bus, publish } from "@/lib/sse-bus";
import { readShape } from "@/lib/shape";
import { match, race } from "./live";
import { commandChannel } from "./scores";
import * as shape from "./shape";
import { advance, type Game, newGame, obey, takeOver } from "./simulate";

const stepMs = 250;
/** Each state is published at least this often. */
const everyMs = { match: 2_000, race: 500 };

/** Simulates until `signal` aborts. It runs on one of the instances; if it fails, it is called again. */
export async function simulate(signal: AbortSignal, { fence }: { fence: number }): Promise<void> {
  // The log's time, because every page follows it, and the log's head, from where commands count.
  const start = await publish({}, { channel: "scores/clock", key: "clock" });
  const offset = start.time - performance.now();
  const now = () => performance.now() + offset;
  const [knownMatch, knownRace] = await Promise.all([match.read(bus), race.read(bus)]);
  if (signal.aborted) return;
  let game = takeOver(knownMatch.value, knownRace.value, now());
  const publishedAt = { match: 0, race: 0 };

  /** Publishes the whole state under one key, so that only the newest counts. */
  function publishState(name: keyof Game): void {
    publishedAt[name] = now();
    // A page ignores the state of a simulation that another has replaced, by its fencing number.
    const state = { ...game[name], fence };
    publish(state, { channel: `scores/${name}`, event: name, key: name }).catch(
      (error: unknown) => {
        // The state comes from the log, and may leave the limits of its shape, for example with a goal.
        const isInvalid = isSseBusError(error) && error.code === "VALIDATION_FAILED";
        if (isInvalid) game = { ...game, [name]: newGame(now())[name] };
      },
    );
  }

  function step(): void {
    const before = game;
    game = advance(game, now(), { stepMs });
    const isDue = (name: keyof Game) => now() - publishedAt[name] >= everyMs[name];
    if (game.match !== before.match || isDue("match")) publishState("match");
    if (isDue("race")) publishState("race");
  }

  function apply(data: unknown, { id }: Message): void {
    const command = readShape(shape.command, data);
    if (!command) return;
    game = obey(game, command, { now: now(), position: id });
    publishState("match");
    publishState("race");
  }

  // After the last command that the match includes, so that none is lost or counted twice.
  const after = game.match.appliedTo ?? start.id;
  const stop = bus.subscribe(apply, { channel: commandChannel, after, onGap() {} });
  const timer = setInterval(step, stepMs).unref();
  signal.addEventListener("abort", stop);
  signal.addEventListener("abort", () => clearInterval(timer));
  step();
}
