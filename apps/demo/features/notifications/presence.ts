import type { Author } from "./entry";

export const presenceStatuses = ["here", "typing", "away", "left"] as const;
export type PresenceStatus = (typeof presenceStatuses)[number];

/** A window's sign of life. Its `key` on the channel is the window's id: the newest counts. */
export interface PresenceSign extends Author {
  window: string;
  /** Counts the window's signs: two may overtake each other on their way. */
  turn: number;
  status: PresenceStatus;
}

/** A sign, and when it came, by the server's clock. */
export interface Sign extends PresenceSign {
  time: number;
}

/** Signs by window. */
export type Presence = Readonly<Record<string, Sign>>;

/** A person, with all windows of theirs in one. */
export interface Present extends Author {
  status: Exclude<PresenceStatus, "left">;
}

export const presenceChannel = "notifications/presence";
export const beatMs = 10_000;
/** A window that was killed says no goodbye. Hidden ones may speak only once a minute. */
const expiryMs = { here: 25_000, typing: 25_000, away: 150_000, left: 0 };
/** Windows that a page keeps; a flood of new ones must not grow it. */
const maxWindows = 500;
/** Who stops typing need not say so. */
const typingMs = 4_000;

export function addSign(presence: Presence, sign: Sign): Presence {
  // What came between the page's cursor and its data is in the data, and comes once more.
  if (sign.turn <= (presence[sign.window]?.turn ?? -1)) return presence;
  const others = Object.values(presence).filter(
    (one) => one.window !== sign.window && sign.time - one.time < expiryMs[one.status],
  );
  const newest = [...others, sign].slice(-maxWindows);
  return Object.fromEntries(newest.map((one) => [one.window, one]));
}

/** Who is there, by the server's clock: the most lively window of each person speaks for them. */
export function presentAt(presence: Presence, now: number): Present[] {
  const people = new Map<string, Present>();
  for (const { person, name, status: told, time } of Object.values(presence)) {
    if (told === "left" || now - time >= expiryMs[told]) continue;
    const status = told === "typing" && now - time >= typingMs ? "here" : told;
    const known = people.get(person);
    if (known && liveliness.indexOf(known.status) <= liveliness.indexOf(status)) continue;
    people.set(person, { person, name, status });
  }
  return [...people.values()].toSorted((a, b) => a.name.localeCompare(b.name, "en"));
}

const liveliness: readonly PresenceStatus[] = ["typing", "here", "away"];
