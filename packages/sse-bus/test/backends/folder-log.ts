import { randomUUID } from "node:crypto";
import { link, readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SharedLog } from "../../src/index.ts";

/** One file per message, in a folder that all processes share. */
export function folderLog(folder: string): SharedLog {
  /** Creates a file with its text atomically, unless the name exists. */
  async function create(name: string, text: string): Promise<boolean> {
    const draft = join(folder, `draft-${randomUUID()}`);
    try {
      await writeFile(draft, text);
      await link(draft, join(folder, name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      await unlink(draft);
    }
  }
  const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
  const nameOf = (epoch: string, seq: number): string =>
    `${epoch}-${String(seq).padStart(16, "0")}`;
  return {
    name: "folder",
    append: (epoch, seq, entry) => create(nameOf(epoch, seq), entry),
    async after(seq) {
      const names = await readdir(folder);
      // The first process gives the log its epoch.
      if (!names.includes("epoch")) await create("epoch", randomUUID().slice(0, 8));
      const epoch = await read("epoch");
      const last = nameOf(epoch, seq);
      const isNew = (name: string): boolean => name.startsWith(`${epoch}-`) && name > last;
      return { epoch, entries: await Promise.all(names.filter(isNew).toSorted().map(read)) };
    },
  };
}
