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
import { addHeartbeat, type Presence, presenceChannel, type PresenceHeartbeat } from "./presence";
import { readEntry, readPublishedHeartbeat } from "./shape";

/** A person who returns within this time does not join again. */
const rejoinMs = 1_800_000;
const maxSeen = 500;

// #region how publish
/** Publishes an entry. */
export async function announce(entry: PublishedEntry): Promise<void> {
  await publish(entry, { channel: logChannel, event: "entry" });
}

/** Publishes a window's heartbeat. The key makes the log keep only the newest of each window. */
export async function heartbeat(presence: PresenceHeartbeat): Promise<void> {
  if (presence.status !== "left") await greet(presence);
  const window = publicIdOf(presence.window);
  await publish(
    { ...presence, window },
    { channel: presenceChannel, event: "heartbeat", key: window },
  );
}
// #endregion

/** The page's initial data. */
export const loadEntries = projection<readonly Entry[], PublishedEntry>({
  channel: logChannel,
  initial: [],
  read: readEntry,
  apply: (entries, entry, message) => addEntry(entries, entryOf(entry, message)),
});

interface Known {
  presence: Presence;
  /** The time of each person's last heartbeat. */
  seen: ReadonlyMap<string, number>;
}

const loadKnown = projection<Known, PresenceHeartbeat>({
  channel: presenceChannel,
  initial: { presence: {}, seen: new Map() },
  read: readPublishedHeartbeat,
  apply: ({ presence, seen }, heartbeat, { time }) => {
    const others = [...seen].filter(([person]) => person !== heartbeat.person);
    return {
      presence: addHeartbeat(presence, { ...heartbeat, time }),
      seen: new Map([...others, [heartbeat.person, time] as const].slice(-maxSeen)),
    };
  },
});

export async function loadPresence(): Promise<Presence> {
  return (await loadKnown()).presence;
}

/** Publishes a hash, because the window's id is a secret: with it, others could send its heartbeats. */
function publicIdOf(window: string): string {
  return createHash("sha256").update(window).digest("hex").slice(0, 32);
}

async function greet({ person, name }: Author): Promise<void> {
  const { seen } = await loadKnown();
  if (Date.now() - (seen.get(person) ?? 0) < rejoinMs) return;
  await announce({ kind: "join", by: { person, name } });
}
