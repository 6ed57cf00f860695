import { createHub, type Hub, type HubOptions } from "./hub.ts";
import type { HubMessage, Wish } from "./protocol.ts";
import { createWatchdog } from "./watchdog.ts";

/** What tabs find each other with. */
export interface GroupHost {
  readonly navigator?: { readonly locks?: Pick<LockManager, "request"> };
  readonly BroadcastChannel?: typeof BroadcastChannel;
}

/** The tab that joins. */
export type Tab = readonly [
  /** The hub, of this tab or of another, tells something. */
  receive: (message: HubMessage) => void,
  /** There is another hub than before, or none: nothing is served until a hub says so. */
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
  /** Changes to another group, and takes the hub along. */
  move(name: string | undefined): void;
  close(): void;
}

/** To the leader: wishes, or to renew everything, or only whether it lives. */
type Request = [tab: string, content?: Wish | true];
/** From the leader, with its term: what the hub tells, or only that it is there. */
type Answer = [term: number, content?: HubMessage];

/** How long a tab waits for the first word of a leader, and for an answer. */
const FIRST_WORD_MS = 3_000;
const ANSWER_MS = 1_000;

/** Joins the group `name`; without a name or a host, the tab is a group of its own. */
export function joinGroup(
  name: string | undefined,
  options: { host: GroupHost; settings: HubOptions; tab: Tab },
): Group {
  const { host, settings, tab } = options;
  const [receive, detach, wishes] = tab;
  const id = `${Math.random()}`;
  let hub: Hub | undefined;
  /** The term of the newest leader known; whoever was robbed of the lead has an older one. */
  let term = 0;
  let silenceMs = FIRST_WORD_MS;
  let isAsked = false;
  let send = (_: Request | Answer): void => {};
  let exit = (): void => {};
  let rob = (): void => {};

  const [expect, check] = createWatchdog(() => {
    if (isAsked) return rob();
    isAsked = true;
    detach();
    send([id]);
    expect(ANSWER_MS);
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
    // Who moved from another group brings its hub, and all that it serves.
    if (hub) return;
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

  const enter = (): void => {
    const locks = host.navigator?.locks;
    const { BroadcastChannel } = host;
    if (!name || !locks || !BroadcastChannel) return lead();
    const channel = new BroadcastChannel(name);
    let queue = new AbortController();
    let release = (): void => {};
    let hasLeft = false;

    const contend = (options: LockOptions): void => {
      locks
        .request(name as string, options, () => {
          if (hasLeft) return;
          lead();
          return new Promise<void>((resolve) => (release = resolve));
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

    const onRequest = ([other, content]: Request): void => {
      if (content === true) {
        hub?.renew();
      } else if (content) {
        hub?.wish(other, content);
      } else if (hub) {
        hub.check();
        send([term]);
      }
    };
    const onAnswer = ([newTerm, content]: Answer): void => {
      if (newTerm < term) return;
      if (newTerm > term || isAsked) {
        term = newTerm;
        follow();
      }
      if (content?.[0] === "hello") silenceMs = content[5];
      if (content) receive(content);
      expect(silenceMs);
    };
    channel.onmessage = ({ data }: MessageEvent<Request | Answer>) => {
      if (typeof data[0] === "string") onRequest(data as Request);
      else onAnswer(data as Answer);
    };
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
  };

  enter();
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
    move(newName) {
      if (newName === name) return;
      exit();
      name = newName;
      term = 0;
      if (!hub) detach();
      enter();
    },
    close() {
      expect(0);
      hub?.close();
      exit();
    },
  };
}
