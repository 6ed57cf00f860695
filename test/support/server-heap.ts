import { fileURLToPath } from "node:url";
import type { NextServer } from "./next-server.ts";
import { waitFor } from "./wait-for.ts";

/** Flags of Node.js for a server whose heap a test measures. */
export const heapReporterArgs: readonly string[] = [
  "--expose-gc",
  "--import",
  fileURLToPath(new URL("heap-reporter.mjs", import.meta.url)),
];

/** What a server's heap holds after a collection, in bytes. It runs with `heapReporterArgs`. */
export async function serverHeap(server: NextServer): Promise<number> {
  return (await report(server)).heapUsed;
}

/**
 * A server's memory after a collection, in bytes: its heap, and its buffers, which contain the
 * bytes of messages. It runs with `heapReporterArgs`.
 */
export async function serverMemory(server: NextServer): Promise<number> {
  const { heapUsed, external } = await report(server);
  return heapUsed + external;
}

interface Report {
  readonly heapUsed: number;
  readonly external: number;
}

async function report(server: NextServer): Promise<Report> {
  const before = reports(server).length;
  server.process.signal("SIGUSR2");
  await waitFor("the heap report", () => reports(server).length > before);
  return reports(server).at(-1) as Report;
}

function reports(server: NextServer): Report[] {
  const lines = server.process.output().matchAll(/heap-used (\d+) external (\d+)/g);
  return [...lines].map(([, heap, external]) => ({
    heapUsed: Number(heap),
    external: Number(external),
  }));
}
