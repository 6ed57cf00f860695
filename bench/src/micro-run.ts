import { join } from "node:path";
import { cpus } from "./machine.ts";
import { benchFolder } from "./paths.ts";
import { helper, start } from "./process.ts";
import type { Figures, Scale } from "./subject.ts";

/** The micro-benchmarks, in a separate process on the server's core. */
export async function measureCore({ share, isQuick }: Scale): Promise<Figures> {
  const file = join(benchFolder, "dist/micro.js");
  const command = [process.execPath, "--expose-gc", file, String(share), isQuick ? "3" : "15"];
  await using micro = helper(start(cpus.server, command));
  const { figures } = await micro.next<{ readonly figures: Figures }>("figures");
  return figures;
}
