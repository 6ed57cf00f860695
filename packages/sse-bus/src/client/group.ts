import { groupName } from "./credentials.ts";
import type { Hub } from "./hub.ts";
import { createLanes } from "./lanes.ts";
import type { LinkOptions } from "./link.ts";
import type { HubMessage } from "./protocol.ts";
import { createWatchdog } from "./watchdog.ts";
import type { Wish } from "./wish.ts";

/** The tab that joins. A tuple, as its parts are only taken apart again. */
export type Tab = readonly [
  /** The hub of a lane, of this tab or of another, tells something. */
  receive: (message: HubMessage, lane: number) => void,
  /** There is another leader than before, or none: nothing is served until its hubs say so. */
  detach: () => void,
  /** All that the tab wishes now. */
  wishes: () => Wish,
];

/** A tab's membership in the group of tabs that share one connection. See SPEC.md, "Tabs". */
export interface Group {
  /** The wishes have changed, or a sign of life is due. */
  wish(): void;
  /** Asks anew for everything, with fresh credentials. */
  renew(): void;
  /** Finds out now whether the line, or the leader, is dead. */
  check(): void;
  close(): void;
}

/** To the leader: wishes, or to renew everything, or only whether it lives. */
type Request = [tab: string, content?: Wish | true];
/** From the leader, with its term: what a hub tells, that it leaves, or only that it is there. */
type Answer = [term: number, content?: HubMessage | "bye", lane?: number];

/** How long an answer of the leader's may take, and a leader without a lock be silent. */
const ANSWER_MS = 1_000;
const LEASE_MS = 5_000;

/** Joins the group that has these settings; where none can be, the tab is a group of its own. */
export function joinGroup(options: LinkOptions, [receive, detach, wishes]: Tab): Group {
  const name = groupName(options);
  const { navigator, BroadcastChannel } = options.host ?? {};
  const locks = navigator?.locks;
  const id = `${Math.random()}`;
  let hubs: Omit<Hub, "keys"> | undefined;
  /** The term of the newest leader known; whoever was robbed of the lead has an older one. */
  let term = 0;
  /** How long the leader may be silent, and how long its first word may take. */
  let silenceMs = 3_000;
  let isAsked = false;
  let send: (envelope: Request | Answer) => void = () => {};
  let exit = (): void => {};
  /** Takes the lead, whoever has it. */
  let rob = (): void => {};

  /** Asks whether there is a leader; where none answers in time, this tab takes its place. */
  const ask = (limitMs: number): void => {
    isAsked = true;
    send([id]);
    expect(limitMs);
  };

  const [expect, check] = createWatchdog(() => {
    if (isAsked) return rob();
    // Without a lock nothing tells of a crash, so that one asks early and calls nothing lost yet.
    if (locks) detach();
    ask(ANSWER_MS);
  });

  const expectLeader = (): void => expect(locks ? silenceMs : Math.min(silenceMs, LEASE_MS));

  const wish = (): void => {
    if (hubs) hubs.wish(id, wishes());
    else send([id, wishes()]);
  };

  const lead = (): void => {
    hubs?.close();
    // Without a lock, two may take the lead at the same moment; one of them must be the later one.
    term = Math.max(Date.now(), term + 1) + Math.random();
    expect(0);
    // All others answer with their wishes.
    send([term]);
    hubs = createLanes(options, (message, lane) => {
      send([term, message, lane]);
      receive(message, lane);
    });
    detach();
    wish();
  };

  /** Becomes one of those who are not the leader. */
  const follow = (): void => {
    hubs?.close();
    hubs = undefined;
    isAsked = false;
    expectLeader();
    detach();
    wish();
  };

  if (name && BroadcastChannel) {
    const channel = new BroadcastChannel(name);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    send = (envelope) => channel.postMessage(envelope);
    let release = (): void => {};

    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- that would not start the channel
    channel.onmessage = ({ data: [from, content, lane] }: MessageEvent<Request | Answer>) => {
      if (typeof from === "string") {
        if (content === true) {
          hubs?.renew();
        } else if (content) {
          hubs?.wish(from, content as Wish);
        } else if (hubs) {
          hubs.check();
          send([term]);
        }
      } else if (from === term && hubs) {
        lead();
      } else if (from >= term) {
        if (content === "bye") return ask(Math.random() * 100 + 1);
        if (from > term || isAsked) {
          term = from;
          follow();
        }
        const message = content as HubMessage | undefined;
        if (message?.[0] === "hello") silenceMs = message[5];
        if (message) receive(message, lane as number);
        expectLeader();
      }
    };
    exit = () => {
      if (hubs) send([term, "bye"]);
      send = exit = rob = () => {};
      release();
      channel.close();
    };

    if (locks) {
      let queue = new AbortController();
      let hasLeft = false;
      const held = new Promise<void>((resolve) => {
        release = () => {
          hasLeft = true;
          queue.abort();
          resolve();
        };
      });

      const contend = (lockOptions: LockOptions): void => {
        locks
          .request(name, lockOptions, () => {
            if (!hasLeft) lead();
            return held;
          })
          .catch((error: Error) => {
            if (hasLeft || lockOptions.signal?.aborted) return;
            if (error.name === "AbortError") {
              // Another tab has taken the lead by force, as this one had seemed dead.
              contend({ signal: queue.signal });
              follow();
            } else {
              // A sandboxed frame, for one, may not use locks.
              exit();
              lead();
            }
          });
      };
      rob = () => {
        queue.abort();
        queue = new AbortController();
        contend({ steal: true });
      };
      contend({ signal: queue.signal });
      expectLeader();
      wish();
    } else {
      rob = lead;
      ask(100 + Math.random() * 100);
    }
  } else {
    lead();
  }

  return {
    wish,
    check() {
      if (hubs) hubs.check();
      else check();
    },
    renew() {
      if (hubs) hubs.renew();
      else send([id, true]);
    },
    close() {
      expect(0);
      hubs?.close();
      exit();
    },
  };
}
