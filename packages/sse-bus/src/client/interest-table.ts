import { type Interest, type JoinedInterest, joinInterests } from "./interest.ts";

/** The interests of all tabs of a group. */
export interface InterestTable {
  has(tab: string): boolean;
  set(tab: string, interest: Interest): void;
  join(cursor: string): JoinedInterest;
  /** A stream serves everything that these channels need. */
  serve(channels: readonly string[]): void;
  remove(channels: readonly string[]): void;
  /** Forgets the tabs that have not repeated their interest since the last call. */
  expire(): void;
  clear(): void;
}

export function createInterestTable(): InterestTable {
  const tabs = new Map<string, Interest>();
  const fresh = new Set<string>();

  return {
    has: (tab) => tabs.has(tab),
    set(tab, interest) {
      tabs.set(tab, interest);
      fresh.add(tab);
    },
    join: (cursor) => joinInterests(tabs.values(), cursor),
    serve(served) {
      for (const { channels } of tabs.values()) {
        for (const channel of served) if (channels.has(channel)) channels.set(channel, null);
      }
    },
    remove(refused) {
      for (const { channels } of tabs.values()) {
        for (const channel of refused) channels.delete(channel);
      }
    },
    expire() {
      for (const tab of tabs.keys()) if (!fresh.has(tab)) tabs.delete(tab);
      fresh.clear();
    },
    clear: () => tabs.clear(),
  };
}
