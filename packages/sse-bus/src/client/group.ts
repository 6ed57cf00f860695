import { groupName } from "./credentials.ts";
import { createHub, type Hub } from "./hub.ts";
import type { LinkOptions } from "./link.ts";
import type { HubMessage } from "./protocol.ts";
import { createWatchdog } from "./watchdog.ts";
import type { Wish } from "./wish.ts";

/** What tabs find each other with. */
export interface GroupHost {
  readonly navigator?: { readonly locks?: Pick<LockManager, "request"> };
  readonly BroadcastChannel?: typeof BroadcastChannel;
}

/** The tab that joins. A tuple, as its parts are only taken apart again. */
export type Tab = readonly [
  /** The hub, of this tab or of another, tells something. */
  receive: (message: HubMessage) => void,
  /** There is another hub than before, or none: nothing is served until a hub says so. */
  detach: () => void,
  /** All that the tab wishes now. */
  wishes: () => Wish,
  host: GroupHost,
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
/** From the leader, with its term: what the hub tells, or only that it is there. */
type Answer = [term: number, content?: HubMessage];

/** Joins the group that has these settings; where none can be, the tab is a group of its own. */
export function joinGroup(
  settings: LinkOptions,
  [receive, detach, wishes, { navigator, BroadcastChannel }]: Tab,
): Group {
  const name = groupName(settings);
  const locks = navigator?.locks;
  const id = `${Math.random()}`;
  let hub: Hub | undefined;
  /** The term of the newest leader known; whoever was robbed of the lead has an older one. */
  let term = 0;
  /** How long the leader may be silent, and how long its first word may take. */
  let silenceMs = 3_000;
  let isAsked = false;
  let send: (envelope: Request | Answer) => void = () => {};
  let exit = (): void => {};
  let rob = (): void => {};

  const [expect, check] = createWatchdog(() => {
    if (isAsked) return rob();
    isAsked = true;
    detach();
    send([id]);
    // One that lives answers at once.
    expect(1_000);
  });

  const wish = (): void => {
    if (hub) hub.wish(id, wishes());
    else send([id, wishes()]);
  };

  const lead = (): void => {
    term = Math.max(Date.now(), term + 1);
    expect(0);
    // All others answer with their wishes.
    send([term]);
    hub = createHub(settings, (message) => {
      send([term, message]);
      receive(message);
    });
    detach();
    wish();
  };

  /** Becomes one of those who are not the leader. */
  const follow = (): void => {
    hub?.close();
    hub = undefined;
    isAsked = false;
    expect(silenceMs);
    detach();
    wish();
  };

  if (name && locks && BroadcastChannel) {
    const channel = new BroadcastChannel(name);
    let queue = new AbortController();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let hasLeft = false;

    const contend = (options: LockOptions): void => {
      locks
        .request(name, options, () => {
          if (!hasLeft) lead();
          return held;
        })
        .catch((error: Error) => {
          if (hasLeft || options.signal?.aborted) return;
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

    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- that would not start the channel
    channel.onmessage = ({ data: [from, content] }: MessageEvent<Request | Answer>) => {
      if (typeof from === "string") {
        if (content === true) {
          hub?.renew();
        } else if (content) {
          hub?.wish(from, content as Wish);
        } else if (hub) {
          hub.check();
          send([term]);
        }
      } else if (from >= term) {
        if (from > term || isAsked) {
          term = from;
          follow();
        }
        const message = content as HubMessage | undefined;
        if (message?.[0] === "hello") silenceMs = message[5];
        if (message) receive(message);
        expect(silenceMs);
      }
    };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    send = (envelope) => channel.postMessage(envelope);
    rob = () => {
      queue.abort();
      queue = new AbortController();
      contend({ steal: true });
    };
    exit = () => {
      hasLeft = true;
      send = exit = rob = () => {};
      queue.abort();
      channel.close();
      release();
    };

    contend({ signal: queue.signal });
    expect(silenceMs);
    wish();
  } else {
    lead();
  }

  return {
    wish,
    check() {
      if (hub) hub.check();
      else check();
    },
    renew() {
      if (hub) hub.renew();
      else send([id, true]);
    },
    close() {
      expect(0);
      hub?.close();
      exit();
    },
  };
}
