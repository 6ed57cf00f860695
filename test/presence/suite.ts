import fc from "fast-check";
import { expect, test } from "vitest";
import type { Restartable } from "../support/restartable.ts";
import type { ServerUrl } from "../support/server-url.ts";
import { waitFor } from "../support/wait-for.ts";
import { openClientPage } from "./client-page.ts";
import { type Cluster, GRACE_MS, LEASE_MS, startCluster } from "./cluster.ts";
import { openTab, type Tab } from "./tab.ts";

/** To repeat a failure: the seed and the path that it showed. */
const [seed, path] = (process.env.SSE_BUS_PRESENCE_SEED ?? "").split(" ");
const again = seed ? { seed: Number(seed), ...(path && { path }) } : {};

const anyUser = fc.constantFrom("ann", "bob", "cem", "dia");
const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("open" as const), user: anyUser }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("close" as const), pick: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("reload" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("kill" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("pause" as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("resume" as const), afterMs: fc.nat(7000) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("rest" as const) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

export interface PresenceSuite {
  readonly use: () => Promise<ServerUrl>;
  readonly schedules: number;
}

/** Three instances in processes of their own, and pages that come, reload and leave while instances die. */
export function testPresence(name: string, { use, schedules }: PresenceSuite): void {
  test(
    `${name}: at rest, three instances and all pages list exactly the members that are there`,
    { timeout: 60_000 + schedules * 60_000 },
    async () => {
      await using server = await use();
      await using cluster = await startCluster(server.url);
      const startedAt = performance.now();
      const property = fc.asyncProperty(
        fc.array(anyStep, { minLength: 4, maxLength: 24 }),
        fc.nat(),
        async (steps, id) => runSchedule(cluster, `rooms/${id}-${Date.now()}`, steps),
      );
      await fc.assert(property, { numRuns: schedules, endOnFailure: true, ...again });
      console.log(
        `${name}: ${schedules} schedules in ${Math.round((performance.now() - startedAt) / 1000)} s.`,
      );
    },
  );

  test(`${name}: the members of a killed instance leave within three leases`, async () => {
    await using server = await use();
    await using cluster = await startCluster(server.url);
    const [one, two, doomed] = cluster.instances as [Restartable, Restartable, Restartable];
    const channel = "rooms/killed";
    await using watching = await open(channel, "ann", one);
    await using dying = await open(channel, "bob", doomed, one);
    await waitFor("both to be members", () => watching.tab.ids() === "ann,bob");
    dying.tab.close();
    // Its stream ends with it: the instance dies before it can publish that somebody has left.
    const killedAt = performance.now();
    await doomed.kill();
    await waitFor("bob to leave", () => watching.tab.ids() === "ann");
    expect(performance.now() - killedAt).toBeLessThan(3 * LEASE_MS);
    expect(await list(two, channel)).toBe("ann 1");
  });

  test(`${name}: members of a paused instance leave after its lease, and are back when it continues`, async () => {
    await using server = await use();
    await using cluster = await startCluster(server.url);
    const [one, , stopped] = cluster.instances as [Restartable, Restartable, Restartable];
    const channel = "rooms/paused";
    await using bob = await open(channel, "bob", stopped);
    stopped.pause();
    try {
      // This instance has not followed the channel before, and does not wait for the answer.
      await using ann = await open(channel, "ann", one);
      await waitFor("a set without bob", () => ann.tab.ids() === "ann");
      stopped.resume();
      await waitFor("the late answer", () => ann.tab.ids() === "ann,bob");
      expect(bob.tab.isOpen).toBe(true);
      const pausedAt = performance.now();
      stopped.pause();
      await waitFor("bob to leave", () => ann.tab.ids() === "ann");
      const goneAfterMs = performance.now() - pausedAt;
      expect(goneAfterMs).toBeGreaterThan(LEASE_MS / 2);
      expect(goneAfterMs).toBeLessThan(3 * LEASE_MS);
      stopped.resume();
      await waitFor("bob to be back", () => ann.tab.ids() === "ann,bob");
      expect(await list(one, channel)).toBe("ann 1,bob 1");
      await waitFor("bob to see it, too", () => bob.tab.ids() === "ann,bob");
    } finally {
      stopped.resume();
    }
  });
}

async function runSchedule(
  cluster: Cluster,
  channel: string,
  steps: readonly Step[],
): Promise<void> {
  const { instances, alive } = cluster;
  const tabs: Tab[] = [];
  /** Users who have had a page open all the time since the schedule began to have one of theirs. */
  const staying = new Set<string>();
  const everLeft = new Set<string>();
  /** They do nothing, and their connections stay open. */
  const paused = new Map<Restartable, number>();
  let turn = 0;
  const pick = (): string => {
    const all = [...alive];
    return (all[turn++ % all.length] as Restartable).url;
  };
  // They stay open, and reconnect by themselves whatever happens to their instance.
  const pages = ["eve", "eve"].map((user) => openClientPage({ channel, user, pick }));
  const opened = (): Tab[] => tabs.filter((tab) => tab.isOpen);
  const chosen = (index: number): Tab | undefined => opened()[index % opened().length];

  async function act(step: Step): Promise<void> {
    if (step.type === "open") {
      tabs.push(await openTab({ channel, user: step.user, pick }));
      if (!everLeft.has(step.user)) staying.add(step.user);
    } else if (step.type === "close") {
      const tab = chosen(step.pick);
      tab?.close();
      if (tab && !opened().some(({ user }) => user === tab.user)) mayLeave(tab.user);
    } else if (step.type === "reload") {
      await chosen(step.pick)?.reload(pick());
    } else if (step.type === "kill") {
      const victim = [...alive][step.pick % alive.size] as Restartable;
      if (alive.size === 1) return;
      alive.delete(victim);
      await victim.kill();
    } else if (step.type === "restart") {
      const instance = instances[step.pick % instances.length] as Restartable;
      alive.delete(instance);
      resume(instance);
      if (alive.size > 0) await instance.stop();
      await instance.start();
      alive.add(instance);
    } else if (step.type === "pause") {
      if (alive.size === 1) return;
      const instance = [...alive][step.pick % alive.size] as Restartable;
      alive.delete(instance);
      // It counts as gone after its lease, and so do those who are only there.
      for (const tab of opened()) if (tab.url === instance.url) mayLeave(tab.user);
      instance.pause();
      paused.set(instance, performance.now());
    } else if (step.type === "resume") {
      await resumeAll(step.afterMs);
    } else await atRest();
  }

  function mayLeave(user: string): void {
    staying.delete(user);
    everLeft.add(user);
  }

  /** Resumes all that are paused once each was for a time, which may be longer than its lease. */
  async function resumeAll(afterMs: number): Promise<void> {
    for (const [instance, since] of paused) {
      const leftMs = since + afterMs - performance.now();
      if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
      resume(instance);
      alive.add(instance);
    }
  }

  function resume(instance: Restartable): void {
    if (paused.delete(instance)) instance.resume();
  }

  /** What is there is what everybody lists, before long. */
  async function atRest(): Promise<void> {
    await resumeAll(0);
    const counts = new Map<string, number>();
    for (const { user } of [...opened(), ...pages]) counts.set(user, (counts.get(user) ?? 0) + 1);
    const ids = [...counts.keys()].toSorted();
    const wanted = ids.map((id) => `${id} ${counts.get(id)}`).join();
    const timeoutMs = 3 * LEASE_MS + GRACE_MS + 10_000;
    for (const instance of alive) {
      let seen = "";
      const isSame = async (): Promise<boolean> =>
        (seen = await list(instance, channel)) === wanted;
      await waitFor(`${instance.url} to list "${wanted}"`, isSame, {
        timeoutMs,
        everyMs: 50,
      }).catch(() => expect.fail(`an instance lists "${seen}", not "${wanted}"`));
    }
    for (const tab of [...opened(), ...pages]) {
      const isSame = (): boolean => tab.ids() === ids.join();
      await waitFor(`a page of ${tab.user} to show "${ids.join()}"`, isSame, { timeoutMs }).catch(
        () => expect.fail(`a page shows "${tab.ids()}", not "${ids.join()}"`),
      );
    }
  }

  try {
    for (const step of steps) {
      await act(step);
      // On a busy machine a page may need longer than the grace to reconnect.
      for (const { user, longestGapMs } of tabs) {
        if (longestGapMs > GRACE_MS / 2) mayLeave(user);
      }
      for (const tab of tabs) {
        // A user who returned within the grace has not left, for anybody.
        expect([...tab.left].filter((user) => staying.has(user))).toEqual([]);
      }
    }
    await atRest();
  } finally {
    for (const tab of [...tabs, ...pages]) tab.close();
    await resumeAll(0);
    for (const instance of instances) {
      if (alive.has(instance)) continue;
      await instance.start();
      alive.add(instance);
    }
  }
}

/** What an instance lists, as `id count`, in order. */
async function list({ url }: Restartable, channel: string): Promise<string> {
  const response = await fetch(`${url}/presence?channel=${encodeURIComponent(channel)}`);
  const { members } = (await response.json()) as { members: { id: string; count: number }[] };
  return members
    .map(({ id, count }) => `${id} ${count}`)
    .toSorted()
    .join();
}

/** A page on one instance, or on another one once that has ended. */
async function open(channel: string, user: string, ...on: readonly Restartable[]) {
  let turn = 0;
  const tab = await openTab({
    channel,
    user,
    pick: () => (on[Math.min(turn++, on.length - 1)] as Restartable).url,
  });
  return { tab, [Symbol.asyncDispose]: async () => tab.close() };
}
