import { attachmentOf, type BusInternals } from "../bus-internals.ts";
import { instancesOf } from "../instances/instances.ts";
import { reportPartsOf } from "../report-parts.ts";
import { publishReserved } from "../reserved.ts";
import { inBackground, startTimeout } from "../timers.ts";
import { PRESENCE_EVENT, type PresenceEvent, presenceChannel } from "./contribution.ts";
import { createFollower, type Follower } from "./follower.ts";
import { createLocalMembers, type LocalMembers } from "./local-members.ts";
import { createMemberPublisher } from "./member-publisher.ts";
import { createReaper } from "./reaper.ts";
import { type RemoteStates, createRemoteStates } from "./remote-states.ts";
import { createSync } from "./sync.ts";

/** Presence of a bus: what this instance contributes, and the channels that it follows. */
export interface Presence {
  readonly local: LocalMembers;
  readonly states: RemoteStates;
  /** Subscribes to the control channel, so that this instance answers what it contributes. */
  open(): Promise<void>;
  /**
   * Follows a channel until `release` is called, and a while longer, since streams reconnect.
   *
   * @throws SseBusError `BUS_CLOSED`
   */
  follow(channel: string): Followed;
  /** A route lets its members stay this long. The longest grace counts for instances that shut down. */
  noteGrace(graceMs: number): void;
}

export interface Followed {
  readonly follower: Follower;
  /** Idempotent. */
  release(): void;
}

interface FollowerUse {
  readonly follower: Follower;
  users: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** How long members stay after their last stream, unless a route says otherwise. */
export const DEFAULT_GRACE_MS = 5000;
/** Members of one channel. */
const MAX_MEMBERS = 10_000;
const LINGER_MS = 30_000;
/** Channels that are followed without a user: clients could ask for new ones again and again. */
const MAX_LINGERING = 1000;
const ATTACHMENT = "presence";

/** Presence of a bus. The first call makes it; it costs nothing until then. */
export function presenceOf(internals: BusInternals): Presence {
  return attachmentOf(internals, ATTACHMENT, () => createPresence(internals));
}

function createPresence(internals: BusInternals): Presence {
  const { engine, onError } = internals;
  const table = instancesOf(internals);
  const followers = new Map<string, FollowerUse>();
  /** Those without a user, the longest first. */
  const lingering = new Set<FollowerUse>();
  let graceMs = 0;
  let leave: (() => void) | undefined;

  const send = async (channel: string, event: PresenceEvent, id?: string) =>
    publishReserved(internals, presenceChannel(channel), PRESENCE_EVENT, event, id ? { id } : {});

  const local = createLocalMembers({
    instance: () => table.id,
    now: table.now,
    onUse: keepLease,
    onError,
    maxMembers: MAX_MEMBERS,
    createPublisher: (onDone) =>
      createMemberPublisher({ engine, instance: () => table.id, send, onDone, onError }),
  });
  reportPartsOf(internals).presence = local.report;
  const sync = createSync({
    internals,
    control: table.control,
    instance: () => table.id,
    peers: () => table.live().keys(),
    state: local.state,
  });
  const reaper = createReaper({
    followers: function* () {
      for (const { follower } of followers.values()) yield follower;
    },
    isLive: (instance) => instance === table.id || table.live().has(instance),
    leaseMs: table.leaseMs,
    graceMs: () => graceMs || DEFAULT_GRACE_MS,
    send,
    sendEnd: async (instance) => table.control.send("end", { i: instance }),
    onError,
  });
  const stopGone = table.onGone(reaper.noteGone);
  const stopNewId = table.onNewId((oldId) => {
    reaper.noteGone(oldId, "ended");
    local.publishAll();
  });

  /** Another process takes this instance for ended: nothing that comes from its id counts any more. */
  function checkOwnEnd(instance: string): void {
    if (instance === table.id) table.own.startAgain();
  }

  /** Others ask only instances with a lease, and this one learns of the end of others by their leases. */
  function keepLease(): void {
    const isUsed = !local.isEmpty || followers.size > 0;
    if (isUsed) leave ??= table.join();
    else {
      leave?.();
      leave = undefined;
    }
  }

  function release(channel: string, use: FollowerUse): void {
    if (--use.users > 0 || followers.get(channel) !== use) return;
    lingering.add(use);
    use.timer = inBackground(startTimeout(() => unfollow(use), LINGER_MS));
    const [longest] = lingering;
    if (longest && lingering.size > MAX_LINGERING) unfollow(longest);
  }

  function unfollow(use: FollowerUse): void {
    clearTimeout(use.timer);
    lingering.delete(use);
    followers.delete(use.follower.channel);
    use.follower.close();
    keepLease();
  }

  engine.beforeClose.add(() => {
    stopGone();
    stopNewId();
    reaper.stop();
    sync.stop();
    local.stop();
    for (const { follower, timer } of followers.values()) {
      clearTimeout(timer);
      follower.close();
    }
    followers.clear();
    lingering.clear();
  });

  return {
    local,
    states: createRemoteStates({ table, local, onError }),
    open: async () => void (await table.control.open()),
    follow(channel) {
      let use = followers.get(channel);
      if (!use) {
        const follower = createFollower(channel, {
          internals,
          sync,
          maxMembers: MAX_MEMBERS,
          onGone: checkOwnEnd,
          onReturned: reaper.noteReturned,
        });
        followers.set(channel, (use = { follower, users: 0, timer: undefined }));
        keepLease();
      }
      clearTimeout(use.timer);
      lingering.delete(use);
      use.users++;
      const own = use;
      let isReleased = false;
      return {
        follower: own.follower,
        release() {
          if (isReleased) return;
          isReleased = true;
          release(channel, own);
        },
      };
    },
    noteGrace(ms) {
      graceMs = Math.max(graceMs, ms);
    },
  };
}
