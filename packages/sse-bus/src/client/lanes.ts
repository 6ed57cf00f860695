import { createHub, type Hub } from "./hub.ts";
import type { LinkOptions } from "./link.ts";
import type { HubMessage } from "./protocol.ts";
import type { Wish } from "./wish.ts";

/**
 * As many hubs as it takes, each a **lane**: what is too much for one stream goes over several. What
 * is, the server says; it and the proxies before it have limits that nobody here knows. See SPEC.md,
 * "More than one stream".
 */
export function createLanes(
  options: LinkOptions,
  tell: (message: HubMessage, lane: number) => void,
): Omit<Hub, "keys"> {
  const hubs: Hub[] = [];
  /** How many channels, and how many patterns, a stream has at most. */
  const limits: [number, number] = [Infinity, Infinity];

  const open = (lane: number): void => {
    const hub = createHub(options, {
      tell: (message) => tell(message, lane),
      isAlone: () => hubs.every((one) => one === hub || !one.keys().length),
      onTooMuch(keys) {
        for (const kind of KINDS) {
          const count = keys.filter((key) => kindOf(key) === kind).length;
          const less = count > DEFAULTS[kind] ? DEFAULTS[kind] : Math.ceil(count / 2);
          if (count) limits[kind] = Math.min(limits[kind], less);
        }
      },
    });
    hubs[lane] = hub;
  };

  return {
    wish(tab, [wanted, ...more]) {
      const carried = hubs.map((hub) => [...hub.keys()]);
      const parts: Wish[0][] = hubs.map(() => new Map());
      for (const [key, from] of wanted) {
        // A channel stays where it is: to move it would cost two streams a new link.
        let lane = carried.findIndex((keys) => keys.includes(key));
        if (lane < 0) {
          const kind = kindOf(key);
          lane = carried.findIndex(
            (keys) => keys.filter((one) => kindOf(one) === kind).length < limits[kind],
          );
        }
        if (lane < 0) {
          lane = hubs.length;
          open(lane);
          carried[lane] = [];
          parts[lane] = new Map();
        }
        carried[lane]?.push(key);
        parts[lane]?.set(key, from);
      }
      parts.forEach((part, lane) => hubs[lane]?.wish(tab, [part, ...more]));
    },
    check: () => hubs.forEach((hub) => hub.check()),
    renew: () => hubs.forEach((hub) => hub.renew()),
    close: () => hubs.forEach((hub) => hub.close()),
  };
}

/** Channels (0) and patterns (1), and how many of them a server takes that was not told otherwise. */
const KINDS = [0, 1] as const;
const DEFAULTS = [100, 10] as const;

function kindOf(key: string): 0 | 1 {
  return key.includes("*") ? 1 : 0;
}
