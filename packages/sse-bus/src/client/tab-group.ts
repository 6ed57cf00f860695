import type { ClientSettings } from "./settings.ts";
import { tabGroupName } from "./credentials.ts";
import type { Interest } from "./interest.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { type LeaderLock, queueForLock } from "./leader-lock.ts";
import type { MultiplexerMessage } from "./protocol.ts";
import { createWatchdog } from "./watchdog.ts";

/** A tab's membership in the group of tabs that share one connection. See SPEC.md, "Tabs". */
export interface TabGroup {
  /** Repeats the interest of this tab: it has changed, or a `ping` has come. */
  sendInterest(): void;
  /** Asks again for everything, with fresh credentials. */
  renew(): void;
  /** Checks now whether the stream, or the leader, is dead. */
  check(): void;
  close(): void;
}

/** The tab that joins. */
export interface TabGroupHandlers {
  /** A multiplexer of the leader, which may be this tab, sends something. */
  onMessage(message: MultiplexerMessage, lane: number): void;
  /** The leader has changed or is lost: nothing is served until the next `hello`. */
  onDetach(): void;
  /** All that this tab wants now. */
  interest(): Interest;
}

/** What tabs send each other. Its fields keep their names: tabs may run different builds. */
type Envelope =
  /** To the leader. */
  | { readonly type: "interest"; readonly tab: string; readonly interest: Interest }
  | { readonly type: "renew" }
  | { readonly type: "check" }
  /** From the leader. */
  | { readonly type: "alive"; readonly term: number }
  | { readonly type: "leaving"; readonly term: number }
  | {
      readonly type: "message";
      readonly term: number;
      readonly lane: number;
      readonly message: MultiplexerMessage;
    };

type LeaderEnvelope = Extract<Envelope, { readonly term: number }>;

/** How long the leader may take to answer. */
const ANSWER_MS = 1_000;

/** How long a leader without a lock may be silent. */
const LEASE_MS = 5_000;

/**
 * Joins the group of tabs with these settings. A tab that cannot share is the leader of itself.
 *
 * A tab is a follower, asking, or the leader, which has lanes. Without Web Locks a tab cannot know whether
 * there is a leader, so it begins by asking.
 *
 * ```
 *         join             silence, or the leader leaves
 *   ──────────────▶ follower ─────────────────────▶ asking ◀── join without locks
 *                     ▲ ▲  ▲       it answers        │  │
 *                     │ │  └─────────────────────────┘  │ no answer: the lock is stolen, and granted;
 *     a newer leader, │ │ lock granted                  │ without locks, at once
 *     or lock stolen  │ ▼                               │
 *                   leader ◀────────────────────────────┘
 * ```
 */
export function joinTabGroup(settings: ClientSettings, tab: TabGroupHandlers): TabGroup {
  const name = tabGroupName(settings);
  const { navigator, BroadcastChannel } = settings.host ?? {};
  const locks = navigator?.locks;
  const id = `${Math.random()}`;
  /** Of the leader. */
  let lanes: Lanes | undefined;
  let isAsking = false;
  /** The newest leader known. A leader that lost the lead unknowingly has an older term. */
  let term = 0;
  /** How long the leader may be silent; until its first `hello`, how long that may take. */
  let silenceMs = 3_000;
  let channel: BroadcastChannel | undefined;
  let lock: LeaderLock | undefined;

  const send = (envelope: Envelope): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    channel?.postMessage(envelope);
  };

  /** Sends to the leader, which may be this tab. */
  const sendToLeader = (envelope: Envelope): void => {
    if (lanes) onEnvelope(envelope);
    else send(envelope);
  };

  const sendInterest = (): void => {
    sendToLeader({ type: "interest", tab: id, interest: tab.interest() });
  };

  /** The only place that changes the role. */
  const become = (isAskingNow: boolean, newLanes?: Lanes): void => {
    lanes?.close();
    lanes = newLanes;
    isAsking = isAskingNow;
  };

  const expectLeader = (): void => {
    watchdog.expect(lock ? silenceMs : Math.min(silenceMs, LEASE_MS));
  };

  /** Everything starts again from this tab's own cursors, so it does not matter what a leader has read. */
  const restart = (): void => {
    tab.onDetach();
    sendInterest();
  };

  const follow = (): void => {
    become(false);
    expectLeader();
    restart();
  };

  /** Asks whether there is a leader. If none answers in time, this tab takes the lead. */
  const ask = (limitMs: number): void => {
    become(true);
    send({ type: "check" });
    watchdog.expect(limitMs);
  };

  const lead = (): void => {
    // Without a lock, two tabs may take the lead at the same moment; their terms must differ.
    term = Math.max(Date.now(), term + 1) + Math.random();
    watchdog.expect(0);
    // All other tabs answer with their interest.
    send({ type: "alive", term });
    const newLanes = createLanes(settings, (message, lane) => {
      send({ type: "message", term, lane, message });
      tab.onMessage(message, lane);
    });
    become(false, newLanes);
    restart();
  };

  const watchdog = createWatchdog(() => {
    if (isAsking) {
      if (lock) lock.steal();
      else lead();
    } else {
      // Without a lock nothing reports a crash, so the tab asks early, and nothing is lost yet.
      if (lock) tab.onDetach();
      ask(ANSWER_MS);
    }
  });

  const onLeader = (envelope: LeaderEnvelope): void => {
    if (envelope.term < term) return;
    if (envelope.term === term && lanes) return lead();
    if (envelope.type === "leaving") return ask(Math.random() * 100 + 1);
    if (envelope.term > term || isAsking) {
      ({ term } = envelope);
      follow();
    }
    if (envelope.type === "message") {
      const { message, lane } = envelope;
      if (message.type === "hello") ({ silenceMs } = message);
      tab.onMessage(message, lane);
    }
    expectLeader();
  };

  const onEnvelope = (envelope: Envelope): void => {
    if ("term" in envelope) {
      onLeader(envelope);
    } else if (!lanes) {
      // Only the leader answers.
    } else if (envelope.type === "interest") {
      lanes.setInterest(envelope.tab, envelope.interest);
    } else if (envelope.type === "check") {
      lanes.check();
      send({ type: "alive", term });
    } else if (envelope.type === "renew") {
      // Nothing else: a tab of another build may send what this one does not know.
      lanes.renew();
    }
  };

  const leave = (): void => {
    if (lanes) send({ type: "leaving", term });
    lock?.release();
    channel?.close();
    lock = channel = undefined;
  };

  if (name && BroadcastChannel) {
    channel = new BroadcastChannel(name);
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- that would not start the channel
    channel.onmessage = ({ data }: MessageEvent<Envelope>) => onEnvelope(data);
    if (locks) {
      lock = queueForLock(locks, name, {
        onGranted: lead,
        onStolen: follow,
        onForbidden() {
          leave();
          lead();
        },
      });
      expectLeader();
      sendInterest();
    } else {
      ask(100 + Math.random() * 100);
    }
  } else {
    lead();
  }

  return {
    sendInterest,
    check: () => (lanes ?? watchdog).check(),
    renew: () => sendToLeader({ type: "renew" }),
    close() {
      watchdog.expect(0);
      lanes?.close();
      leave();
    },
  };
}
