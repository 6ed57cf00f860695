import type { Hub } from "./hub.ts";
import type { HubMessage, Wish } from "./protocol.ts";
import { createWatchdog } from "./watchdog.ts";

/** What tabs find each other with. */
export interface GroupHost {
  readonly locks: Pick<LockManager, "request">;
  readonly BroadcastChannel: typeof BroadcastChannel;
}

export interface GroupOptions {
  readonly createHub: (tell: (message: HubMessage) => void) => Hub;
  /** The hub, of this tab or of another, tells something. */
  readonly onMessage: (message: HubMessage) => void;
  /** Another hub than before: nothing is served until it does. Gives all wishes. */
  readonly onHub: () => readonly Wish[];
  /** The leader has been silent for too long. */
  readonly onSilence: () => void;
}

/** A tab's membership in the group of tabs that share one connection. See SPEC.md, "Tabs". */
export interface Group {
  wish(wishes: readonly Wish[]): void;
  /** The hub, while this tab leads. */
  hub(): Hub | undefined;
  /** Asks anew for everything, with fresh credentials. */
  renew(): void;
  /** Finds out now whether the line, or the leader, is dead. */
  check(): void;
  /** Changes to another group and takes the hub along. */
  move(name: string): void;
  leave(): void;
}

/** From the leader (with its term), or to it (with the sender's tab; without wishes: "are you there?"). */
interface Envelope {
  readonly term?: string;
  readonly message?: HubMessage;
  readonly tab?: string;
  readonly wishes?: readonly Wish[];
  readonly renew?: boolean;
}

/** How long a tab waits for the first word of a leader, and for an answer. */
const FIRST_WORD_MS = 3_000;
const ANSWER_MS = 1_000;

/** Joins the group `name`; without a host, the tab is a group of its own. */
export function joinGroup(name: string, host: GroupHost | undefined, options: GroupOptions): Group {
  const tab = Math.random().toString(36).slice(2);
  let hub: Hub | undefined;
  let wishes: readonly Wish[] = [];
  /** The term of the newest leader known. Terms are ordered, so that one that was robbed is older. */
  let leader = "";
  let silenceMs = FIRST_WORD_MS;
  let isAsked = false;
  const others = new Map<string, AbortController>();
  let send = (_: Envelope): void => {};
  let exit = (): void => {};
  let rob = (): void => {};

  const watchdog = createWatchdog(0, () => {
    if (isAsked) return rob();
    isAsked = true;
    options.onSilence();
    send({ tab });
    watchdog.heard();
    watchdog.limit(ANSWER_MS);
  });

  const receive = (message: HubMessage): void => {
    if (message.type === "hello") silenceMs = message.silenceMs;
    options.onMessage(message);
  };

  const lead = (): void => {
    const term = Math.max(Date.now(), parseInt(leader, 36) + 1 || 0);
    leader = `${term.toString(36)}.${tab}`;
    watchdog.stop();
    // Moved from another group, it brings its hub and all that it serves.
    if (hub) return send({ term: leader });
    hub = options.createHub((message) => {
      if (others.size) send({ term: leader, message });
      receive(message);
    });
    // Everybody's wishes, with their cursors, come in answer to this.
    send({ term: leader });
    wishes = options.onHub();
    hub.wish(tab, wishes);
  };

  const standDown = (): void => {
    if (!hub) return;
    hub.close();
    hub = undefined;
    forgetOthers();
    options.onSilence();
  };

  const forgetOthers = (): void => {
    for (const [other, watch] of others) {
      watch.abort();
      hub?.wish(other);
    }
    others.clear();
  };

  const enter = (name: string, { locks, BroadcastChannel }: GroupHost): void => {
    const channel = new BroadcastChannel(name);
    const left = new AbortController();
    let queue = new AbortController();
    const releases: (() => void)[] = [];
    const held = (): Promise<void> => new Promise((release) => void releases.push(release));

    const contend = (request: LockOptions): void => {
      locks
        .request(name, request, () => {
          if (left.signal.aborted) return;
          lead();
          return held();
        })
        .catch((error: Error) => {
          if (left.signal.aborted || request.signal?.aborted) return;
          if (error.name === "AbortError") {
            standDown();
            contend({ signal: queue.signal });
          } else {
            // A sandboxed frame, for one, may not use locks.
            exit();
            lead();
          }
        });
    };

    const takeIn = (other: string, wishes: readonly Wish[]): void => {
      if (!others.has(other)) {
        const watch = new AbortController();
        others.set(other, watch);
        // Granted when the other tab lets go of its lock, by leaving or by dying.
        locks
          .request(name + other, { signal: watch.signal }, () => {
            others.delete(other);
            hub?.wish(other);
          })
          .catch(() => {});
      }
      hub?.wish(other, wishes);
    };

    send = (envelope) => channel.postMessage(envelope);
    rob = () => {
      queue.abort();
      queue = new AbortController();
      contend({ steal: true });
    };
    exit = () => {
      left.abort();
      queue.abort();
      forgetOthers();
      channel.close();
      send = exit = rob = () => {};
      releases.forEach((release) => release());
    };

    channel.onmessage = ({ data }: MessageEvent<Envelope>) => {
      const { term, message, tab: other, wishes: theirs, renew } = data;
      if (other) {
        if (hub && theirs) takeIn(other, theirs);
        else if (hub && renew) hub.renew();
        else if (hub) {
          hub.check();
          send({ term: leader });
        }
      } else if (term && term >= leader) {
        watchdog.heard();
        if (term > leader) {
          leader = term;
          standDown();
          wishes = options.onHub();
          if (releases.length) send({ tab, wishes });
        }
        if (message) receive(message);
        if (isAsked || message?.type === "hello") {
          isAsked = false;
          watchdog.limit(silenceMs);
        }
      }
    };

    contend({ signal: queue.signal });
    locks
      .request(name + tab, { signal: left.signal }, () => {
        if (left.signal.aborted) return;
        const until = held();
        if (!hub) send({ tab, wishes });
        return until;
      })
      .catch(() => {});
    watchdog.heard();
    watchdog.limit(silenceMs);
  };

  if (host) enter(name, host);
  else lead();

  return {
    wish(newWishes) {
      wishes = newWishes;
      if (hub) hub.wish(tab, wishes);
      else send({ tab, wishes });
    },
    hub: () => hub,
    renew() {
      if (hub) hub.renew();
      else send({ tab, renew: true });
    },
    check() {
      watchdog.check();
      hub?.check();
      hub?.hurry();
    },
    move(name) {
      if (!host) return;
      exit();
      leader = "";
      enter(name, host);
    },
    leave() {
      watchdog.stop();
      const last = hub;
      hub = undefined;
      last?.close();
      exit();
    },
  };
}
