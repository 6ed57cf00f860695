import { fileURLToPath } from "node:url";
import type { NextServer } from "./next-server.ts";
import { waitFor } from "./wait-for.ts";

/** Node's flags for a server whose heap a test wants to know. */
export const heapReporterArgs: readonly string[] = [
  "--expose-gc",
  "--import",
  fileURLToPath(new URL("heap-reporter.mjs", import.meta.url)),
];

/** What a server's heap holds after a collection, in bytes. It runs with `heapReporterArgs`. */
export async function serverHeap(server: NextServer): Promise<number> {
  const before = reports(server).length;
  server.process.signal("SIGUSR2");
  await waitFor("the heap report", () => reports(server).length > before);
  return reports(server).at(-1) as number;
}

function reports(server: NextServer): number[] {
  return [...server.process.output().matchAll(/heap-used (\d+)/g)].map(([, bytes]) =>
    Number(bytes),
  );
}
