import { decodeState } from "./codec.ts";
import type { HistorySource } from "./history.ts";
import { CHANNEL_FIELD } from "./keys.ts";
import { FORGET } from "./log-scripts.ts";

/**
 * Looks over some channels at each call and forgets those whose history has aged away: their names
 * must not fill the server for ever. Every instance may do it, as nothing is done twice.
 */
export function createSweeper({
  commands,
  keys,
  limits,
  clock,
}: HistorySource): () => Promise<void> {
  let cursor = "0";
  return async () => {
    // This machine's clock may be ahead of the server's, and would age history that is still kept.
    clock.sample(toMs(await commands.send(["TIME"])));
    const step = await commands.send([
      "HSCAN",
      keys.bus,
      cursor,
      "MATCH",
      `${CHANNEL_FIELD}*`,
      "COUNT",
      "100",
    ]);
    const [next, fields] = step as [string, string[]];
    cursor = next;
    for (let index = 0; index < fields.length; index += 2) {
      const channel = (fields[index] as string).slice(CHANNEL_FIELD.length);
      const state = fields[index + 1] as string;
      const { at } = decodeState(state);
      // A second more than the history's age, as its keys have.
      if (at > clock.now() - limits(channel).maxAgeMs - 1000) continue;
      const names = [keys.bus, keys.log(channel), keys.newest(channel)];
      await commands.run(FORGET, names, [channel, state]);
    }
  };
}

function toMs(time: unknown): number {
  const [seconds, microseconds] = time as [string, string];
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
