import type { Worker } from "node:cluster";

interface Closable {
  close(): void;
}

/**
 * Closes the connection that a worker was being given when it ended. `node:cluster` waits for the worker to accept
 * a connection before it closes its own copy, and forgets the copy if the worker ends first: the client would
 * wait forever. A worker is given one connection at a time, through `send` of its process; this is not documented.
 *
 * @see https://github.com/nodejs/node/blob/main/lib/internal/cluster/round_robin_handle.js
 */
export function createLostConnectionCloser(): (worker: Worker) => void {
  /** The last connection that each worker was given. */
  const given = new Map<Worker, Closable>();

  function closeLast(worker: Worker): void {
    const handle = given.get(worker);
    given.delete(worker);
    // A connection that a worker refuses goes to another one. Of an accepted one, the copy is closed already.
    if (handle && ![...given.values()].includes(handle)) handle.close();
  }

  return (worker) => {
    const child = worker.process;
    const send = child.send.bind(child) as (...args: unknown[]) => boolean;
    child.send = (...args: unknown[]) => {
      const handle = args[1] as Partial<Closable> | undefined;
      if (typeof handle?.close === "function") given.set(worker, handle as Closable);
      return send(...args);
    };
    worker.once("disconnect", () => closeLast(worker));
    worker.once("exit", () => closeLast(worker));
  };
}
