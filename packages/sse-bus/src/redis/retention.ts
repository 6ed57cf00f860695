import { FORGET_CHANNEL } from "./channel-scripts.ts";
import { decodeState } from "./codec.ts";
import type { RedisLogAccess } from "./history.ts";
import { CHANNEL_FIELD, floorField } from "./keys.ts";

/**
 * Returns a function that checks some channels at each call, and deletes the state of those whose
 * whole history is too old. Without it, the names of unused channels would fill the server. Every
 * instance may call it: deleting twice does no harm.
 */
export function createRetention({
  commands,
  keys,
  limits,
  clock,
}: RedisLogAccess): () => Promise<void> {
  let scanCursor = "0";
  return async () => {
    // By the server's clock: this machine's may be ahead, and would delete history that is not too old.
    clock.sample(toMs(await commands.send(["TIME"])));
    const step = await commands.send([
      "HSCAN",
      keys.bus,
      scanCursor,
      "MATCH",
      `${CHANNEL_FIELD}*`,
      "COUNT",
      "100",
    ]);
    const [next, fields] = step as [string, string[]];
    scanCursor = next;
    for (let index = 0; index < fields.length; index += 2) {
      const channel = (fields[index] as string).slice(CHANNEL_FIELD.length);
      const state = fields[index + 1] as string;
      const { at } = decodeState(state);
      // The keys of a channel expire one second after its history's age, too.
      if (at > clock.now() - limits(channel).maxAgeMs - 1000) continue;
      const names = [keys.bus, keys.log(channel), keys.newest(channel)];
      await commands.run(FORGET_CHANNEL, names, [channel, state, floorField(channel)]);
    }
  };
}

function toMs(time: unknown): number {
  const [seconds, microseconds] = time as [string, string];
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
