import type { Message } from "sse-bus";
import { projection } from "@/lib/projection";
import { publish } from "@/lib/sse-bus";
import {
  addEntry,
  type Author,
  type Entry,
  type EntryData,
  type EntryKind,
  entryOf,
  logChannel,
} from "./entry";
import { addSign, type Presence, presenceChannel, type PresenceSign } from "./presence";

/** Who comes back within this time has not joined anew. */
const rejoinMs = 1_800_000;
const maxSeen = 500;

// #region how publish
/** Tells everybody what happened. */
export async function tell<Kind extends EntryKind>(kind: Kind, data: EntryData[Kind]) {
  await publish({ ...data, kind }, { channel: logChannel, event: "entry" });
}

/** Tells everybody that a window is there. With a key, the newest sign of each is all that is kept. */
export async function sign(presence: PresenceSign): Promise<void> {
  if (presence.status !== "left") await greet(presence);
  await publish(presence, { channel: presenceChannel, event: "sign", key: presence.window });
}
// #endregion

/** What the page starts with. */
export const loadEntries = projection<readonly Entry[]>({
  channel: logChannel,
  initial: [],
  apply: (entries, message) => addEntry(entries, entryOf(message)),
});

interface Known {
  presence: Presence;
  /** When each person gave a sign. */
  seen: ReadonlyMap<string, number>;
}

const loadKnown = projection<Known>({
  channel: presenceChannel,
  initial: { presence: {}, seen: new Map() },
  apply: ({ presence, seen }, { data, time }: Message) => {
    const sign = data as PresenceSign;
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

async function greet({ person, name }: Author): Promise<void> {
  const { seen } = await loadKnown();
  if (Date.now() - (seen.get(person) ?? 0) < rejoinMs) return;
  await tell("join", { by: { person, name } });
}
