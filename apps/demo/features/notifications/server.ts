import { bus, publish } from "@/lib/sse-bus";
import type { PublishedEntry } from "./entry";
import { entries } from "./live";
import { presentOf } from "./members";

/** A person who returns within this time does not join again. */
const rejoinMs = 1_800_000;

export async function announce(entry: PublishedEntry, id?: string): Promise<void> {
  await publish(entry, { channel: entries.channel, event: "entry", ...(id && { id }) });
}

/** Announces who joins the chat, on one of the instances, while somebody reads it. */
export function announceJoins(signal: AbortSignal): void {
  const greeted = new Set<string>();
  const stop = bus.presence(entries.channel).subscribe((change) => {
    for (const member of change.type === "members" ? change.members : [change.member]) {
      if (change.type === "leave") greeted.delete(member.id);
      // The state has the name that the visitor chose.
      else if (member.state !== undefined && !greeted.has(member.id)) {
        greeted.add(member.id);
        // The log stores a message with a known id only once.
        const id = `join ${member.id} ${Math.floor(Date.now() / rejoinMs)}`;
        const { person, name } = presentOf(member);
        announce({ kind: "join", by: { person, name } }, id).catch(console.error);
      }
    }
  });
  signal.addEventListener("abort", stop);
}
