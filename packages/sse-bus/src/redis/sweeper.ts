import { CHANNEL_FIELD } from "./keys.ts";
import { decodeState } from "./codec.ts";
import type { HistorySource } from "./history.ts";
import { FORGET } from "./log-scripts.ts";

/**
 * Looks over some channels at each call and forgets those whose history has aged away: their names
 * must not fill the server for ever. Every instance may do it, as nothing is done twice.
 */
export function createSweeper({ commands, keys, limits }: HistorySource): () => Promise<void> {
  let cursor = "0";
  return async () => {
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
      // A second more than the history's age: clocks of this process and the server differ.
      if (at > Date.now() - limits(channel).maxAgeMs - 1000) continue;
      const names = [keys.bus, keys.log(channel), keys.newest(channel)];
      await commands.run(FORGET, names, [channel, state]);
    }
  };
}
