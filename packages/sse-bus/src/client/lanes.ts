import type { ClientSettings } from "./settings.ts";
import type { InterestMap } from "./interest.ts";
import { createMultiplexer } from "./multiplexer.ts";
import type { Multiplexer } from "./multiplexer-types.ts";
import type { MultiplexerMessage } from "./protocol.ts";

/** All multiplexers of a client, used as one. */
export type Lanes = Omit<Multiplexer, "channels">;

/**
 * As many multiplexers as needed, each in a **lane** of its own: channels that are too many for one stream are
 * spread over several. The limits are the server's and those of the proxies before it; a client learns
 * them only from a refusal. See SPEC.md, "More than one stream".
 */
export function createLanes(
  settings: ClientSettings,
  onMessage: (message: MultiplexerMessage, lane: number) => void,
): Lanes {
  const lanes: Multiplexer[] = [];
  /** How much one stream accepts, by weight. */
  let limit = Infinity;

  const open = (): void => {
    const lane = lanes.length;
    const multiplexer = createMultiplexer(settings, {
      onMessage: (message) => onMessage(message, lane),
      isAlone: () => lanes.every((one) => one === multiplexer || !one.channels().length),
      onTooMany(channels) {
        const weight = weightOf(channels);
        limit = Math.min(limit, weight > DEFAULT_LIMIT ? DEFAULT_LIMIT : Math.ceil(weight / 2));
      },
    });
    lanes.push(multiplexer);
  };

  return {
    setInterest(tab, { channels, wasOpen }) {
      const carried = lanes.map((one) => [...one.channels()]);
      const parts: InterestMap[] = [];
      for (const [channel, from] of channels) {
        // A channel stays in its lane: moving it would give two streams a new connection.
        let lane = carried.findIndex((names) => names.includes(channel));
        if (lane < 0) {
          lane = carried.findIndex(
            (names) => !names.length || weightOf(names) + weightOf([channel]) <= limit,
          );
        }
        if (lane < 0) {
          open();
          lane = carried.push([]) - 1;
        }
        carried[lane]?.push(channel);
        (parts[lane] ??= new Map()).set(channel, from);
      }
      lanes.forEach((one, lane) => {
        one.setInterest(tab, { channels: parts[lane] ?? new Map(), wasOpen });
      });
    },
    check: () => lanes.forEach((one) => one.check()),
    renew: () => lanes.forEach((one) => one.renew()),
    close: () => lanes.forEach((one) => one.close()),
  };
}

/** What a server accepts with default settings: 100 channels, or 10 patterns. */
const DEFAULT_LIMIT = 100;

function weightOf(channels: readonly string[]): number {
  return channels.reduce((sum, channel) => sum + (channel.includes("*") ? 10 : 1), 0);
}
