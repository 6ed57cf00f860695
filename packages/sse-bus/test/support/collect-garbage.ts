import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** Collects garbage, after references of a finished turn of the event loop are released. */
export async function collectGarbage(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
}

/** The bytes of live objects. */
export async function liveHeap(): Promise<number> {
  await collectGarbage();
  return process.memoryUsage().heapUsed;
}
