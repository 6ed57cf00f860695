import { type FastPath, proveFastPath, reportFastPaths } from "../../http/fast-paths.ts";
import { proveDirectSink } from "./prove-direct-sink.ts";
import { proveFastLane } from "./prove-fast-lane.ts";
import { proveHostRelease } from "./prove-host-release.ts";
import { proveTakeOver } from "./prove-take-over.ts";

/**
 * Tries each of these fast paths once in this process, by a real exchange over a loopback socket, before anything
 * relies on it. A path that fails, or cannot be tried, is turned off, and `report` gets the reason. Takes
 * milliseconds; does not reject.
 */
export async function proveFastPaths(
  paths: readonly FastPath[],
  report: (error: Error) => void,
): Promise<void> {
  reportFastPaths(report);
  await Promise.all(paths.map((path) => proveFastPath(path, PROOFS[path])));
}

const PROOFS: Readonly<Record<FastPath, () => Promise<void>>> = {
  "direct-sink": proveDirectSink,
  "host-release": proveHostRelease,
  "take-over": proveTakeOver,
  "fast-lane": proveFastLane,
};
