import { mkdir, mkdtemp, readdir, rename, rm, symlink, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Backend, createBus, pollingBackend, type SharedLog } from "../../src/index.ts";
import { testBackend } from "../../src/testing/test-backend.ts";
import { folderLog } from "./folder-log.ts";

/** A folder, and a link to it for each instance, which can be cut. */
interface Place {
  readonly base: string;
  readonly folder: string;
  readonly links: Map<Backend, string>;
}

testBackend<Place>({
  test,
  async createLog() {
    const base = await mkdtemp(join(tmpdir(), "folder-log-"));
    await mkdir(join(base, "log"));
    return { base, folder: join(base, "log"), links: new Map() };
  },
  async connect({ base, folder, links }) {
    const path = join(base, `link-${links.size}`);
    await symlink(folder, path);
    const backend = pollingBackend(folderLog(path), { pollMs: 10 });
    links.set(backend, path);
    return backend;
  },
  deleteLog: async ({ base }) => rm(base, { recursive: true, force: true }),
  outage: {
    stop: async ({ folder }) => rename(folder, `${folder}-away`),
    start: async ({ folder }) => rename(`${folder}-away`, folder),
  },
  partition: {
    cut: async ({ links }, backend) => unlink(links.get(backend) as string),
    mend: async ({ folder, links }, backend) => symlink(folder, links.get(backend) as string),
  },
  async loseData({ folder }) {
    await rename(folder, `${folder}-lost`);
    await mkdir(folder);
    await rm(`${folder}-lost`, { recursive: true, force: true });
  },
});

test("old files may be deleted: only instances that have not read them get a gap", async () => {
  const folder = await mkdtemp(join(tmpdir(), "folder-log-"));
  try {
    await using early = createBus({ backend: pollingBackend(folderLog(folder), { pollMs: 10 }) });
    const ids: string[] = [];
    for (let n = 1; n <= 6; n++) ids.push((await early.publish(n)).id);
    const files = (await readdir(folder)).filter((name) => name !== "epoch").toSorted();
    for (const name of files.slice(0, 3)) await rm(join(folder, name));
    // It begins with the remaining messages.
    await using late = createBus({ backend: pollingBackend(folderLog(folder), { pollMs: 10 }) });
    const heard = async (bus: typeof late, after: string | undefined): Promise<unknown[]> => {
      const seen: unknown[] = [];
      const onGap = (): void => void seen.push("gap");
      bus.subscribe((data) => seen.push(data), { after, onGap });
      await bus.publish("last", { id: "last" });
      await expect.poll(() => seen.at(-1)).toBe("last");
      return seen;
    };
    expect(await heard(late, ids[0])).toEqual(["gap", 4, 5, 6, "last"]);
    expect(await heard(late, ids[3])).toEqual([5, 6, "last"]);
    expect(await heard(early, ids[0])).toEqual([2, 3, 4, 5, 6, "last"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a listing that misses an earlier file is read again, and causes no gap", async () => {
  const folder = await mkdtemp(join(tmpdir(), "folder-log-"));
  try {
    const log = folderLog(folder);
    let misses = 0;
    const blind: SharedLog = {
      ...log,
      async after(seq) {
        const news = await log.after(seq);
        if (news.entries.length < 2 || misses++ % 2 > 0) return news;
        return { ...news, entries: news.entries.slice(1) };
      },
    };
    await using bus = createBus({ backend: pollingBackend(blind, { pollMs: 10 }) });
    const seen: unknown[] = [];
    const options = { after: await bus.cursor(), onGap: () => void seen.push("gap") };
    bus.subscribe((data) => seen.push(data), options);
    await using other = createBus({ backend: pollingBackend(log, { pollMs: 1000 }) });
    for (let round = 0; round < 5; round++) {
      await Promise.all([1, 2, 3].map(async (n) => other.publish(round * 3 + n)));
    }
    await expect.poll(() => seen.length).toBe(15);
    expect(seen).toEqual(Array.from({ length: 15 }, (_, n) => n + 1));
    expect(misses).toBeGreaterThan(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
