import { createHash } from "node:crypto";
import { projection } from "@/lib/projection";
import { publish } from "@/lib/sse-bus";
import {
  addEntry,
  type Author,
  type Entry,
  entryOf,
  logChannel,
  type PublishedEntry,
} from "./entry";
import { addSign, type Presence, presenceChannel, type PresenceSign } from "./presence";
import { readEntry, readPublishedSign } from "./shape";

/** Who comes back within this time has not joined anew. */
const rejoinMs = 1_800_000;
const maxSeen = 500;

// #region how publish
/** Tells everybody what happened. */
export async function announce(entry: PublishedEntry): Promise<void> {
  await publish(entry, { channel: logChannel, event: "entry" });
}

/** Tells everybody that a window is there. With a key, the newest sign of each is all that is kept. */
export async function sign(presence: PresenceSign): Promise<void> {
  if (presence.status !== "left") await greet(presence);
  const window = publicIdOf(presence.window);
  await publish({ ...presence, window }, { channel: presenceChannel, event: "sign", key: window });
}
// #endregion

/** What the page starts with. */
export const loadEntries = projection<readonly Entry[], PublishedEntry>({
  channel: logChannel,
  initial: [],
  read: readEntry,
  apply: (entries, entry, message) => addEntry(entries, entryOf(entry, message)),
});

interface Known {
  presence: Presence;
  /** When each person gave a sign. */
  seen: ReadonlyMap<string, number>;
}

const loadKnown = projection<Known, PresenceSign>({
  channel: presenceChannel,
  initial: { presence: {}, seen: new Map() },
  read: readPublishedSign,
  apply: ({ presence, seen }, sign, { time }) => {
    const others = [...seen].filter(([person]) => person !== sign.person);
    return {
      presence: addSign(presence, { ...sign, time }),
      seen: new Map([...others, [sign.person, time] as const].slice(-maxSeen)),
    };
  },
});

export async function loadPresence(): Promise<Presence> {
  return (await loadKnown()).presence;
}

/** The window's own id is its secret: who knew it could give signs in its place. */
function publicIdOf(window: string): string {
  return createHash("sha256").update(window).digest("hex").slice(0, 32);
}

async function greet({ person, name }: Author): Promise<void> {
  const { seen } = await loadKnown();
  if (Date.now() - (seen.get(person) ?? 0) < rejoinMs) return;
  await announce({ kind: "join", by: { person, name } });
}
