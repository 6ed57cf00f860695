import type { ClientSettings } from "./connection.ts";
import type { InterestMap } from "./interest.ts";
import { createMultiplexer, type Multiplexer } from "./multiplexer.ts";
import type { MultiplexerMessage } from "./protocol.ts";

/** All multiplexers of a client, used as one. */
export type Lanes = Omit<Multiplexer, "channels">;

/**
 * As many multiplexers as it takes, each in a **lane** of its own: what is too much for one stream is
 * spread over several. The limits are the server's and those of the proxies before it; a client learns
 * them only from a refusal. See SPEC.md, "More than one stream".
 */
export function createLanes(
  settings: ClientSettings,
  onMessage: (message: MultiplexerMessage, lane: number) => void,
): Lanes {
  const lanes: Multiplexer[] = [];
  /** How many channels, and how many patterns, one stream takes. */
  const limits: Record<Kind, number> = { channel: Infinity, pattern: Infinity };

  const open = (): void => {
    const lane = lanes.length;
    const multiplexer = createMultiplexer(settings, {
      onMessage: (message) => onMessage(message, lane),
      isAlone: () => lanes.every((one) => one === multiplexer || !one.channels().length),
      onTooMany(channels) {
        for (const kind of KINDS) {
          const count = countOf(kind, channels);
          const fewer = count > DEFAULTS[kind] ? DEFAULTS[kind] : Math.ceil(count / 2);
          if (count) limits[kind] = Math.min(limits[kind], fewer);
        }
      },
    });
    lanes.push(multiplexer);
  };

  return {
    setInterest(tab, { channels, wasOpen }) {
      const carried = lanes.map((one) => [...one.channels()]);
      const parts: InterestMap[] = [];
      for (const [channel, from] of channels) {
        // A channel stays in its lane: moving it would cost two streams a new connection.
        let lane = carried.findIndex((names) => names.includes(channel));
        if (lane < 0) {
          const kind = kindOf(channel);
          lane = carried.findIndex((names) => countOf(kind, names) < limits[kind]);
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

type Kind = "channel" | "pattern";

const KINDS: readonly Kind[] = ["channel", "pattern"];

/** How many a server takes with default settings. */
const DEFAULTS: Readonly<Record<Kind, number>> = { channel: 100, pattern: 10 };

function kindOf(channel: string): Kind {
  return channel.includes("*") ? "pattern" : "channel";
}

function countOf(kind: Kind, channels: readonly string[]): number {
  return channels.filter((channel) => kindOf(channel) === kind).length;
}
