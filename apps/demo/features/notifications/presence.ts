import type { Author } from "./entry";

export const presenceStatuses = ["here", "typing", "away", "left"] as const;
export type PresenceStatus = (typeof presenceStatuses)[number];

/** A window's heartbeat. Its `key` on the channel is the window's id, so that the newest counts. */
export interface PresenceHeartbeat extends Author {
  window: string;
  /** A counter, because two requests of a window may arrive in the other order. */
  turn: number;
  status: PresenceStatus;
}

/** A heartbeat and its server time. */
export interface ReceivedHeartbeat extends PresenceHeartbeat {
  time: number;
}

/** Heartbeats by window. */
export type Presence = Readonly<Record<string, ReceivedHeartbeat>>;

/** A person, with all their windows combined. */
export interface Present extends Author {
  status: Exclude<PresenceStatus, "left">;
}

export const presenceChannel = "notifications/presence";
export const heartbeatMs = 10_000;
/** A window without a heartbeat for this long is gone. Browsers may throttle hidden windows to one per minute. */
const expiryMs = { here: 25_000, typing: 25_000, away: 150_000, left: 0 };
/** The most windows that a page keeps. */
const maxWindows = 500;
/** Typing ends after this time without a new report. */
const typingMs = 4_000;

export function addHeartbeat(presence: Presence, heartbeat: ReceivedHeartbeat): Presence {
  // Messages between the page's cursor and its data are in the data already.
  if (heartbeat.turn <= (presence[heartbeat.window]?.turn ?? -1)) return presence;
  const others = Object.values(presence).filter(
    (one) => one.window !== heartbeat.window && heartbeat.time - one.time < expiryMs[one.status],
  );
  const newest = [...others, heartbeat].slice(-maxWindows);
  return Object.fromEntries(newest.map((one) => [one.window, one]));
}

/** Who is present at a server time. A person's most active window decides. */
export function presentAt(presence: Presence, now: number): Present[] {
  const people = new Map<string, Present>();
  for (const { person, name, status: sent, time } of Object.values(presence)) {
    if (sent === "left" || now - time >= expiryMs[sent]) continue;
    const status = sent === "typing" && now - time >= typingMs ? "here" : sent;
    const known = people.get(person);
    if (known && liveliness.indexOf(known.status) <= liveliness.indexOf(status)) continue;
    people.set(person, { person, name, status });
  }
  return [...people.values()].toSorted((a, b) => a.name.localeCompare(b.name, "en"));
}

const liveliness: readonly PresenceStatus[] = ["typing", "here", "away"];
