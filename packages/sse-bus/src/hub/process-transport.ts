import type { Transport } from "./transport.ts";

/** Either end of the IPC channel between a process and its child. */
interface ProcessEnd {
  send?(message: unknown, onSent: () => void): unknown;
  isConnected?(): boolean;
  readonly connected?: boolean;
  on(event: "message" | "disconnect", listener: (message: unknown) => void): unknown;
}

/** The transport to another process. `end` is `process` in a worker, and the `Worker` in the primary. */
export function processTransport(end: ProcessEnd): Transport {
  const isConnected = (): boolean => end.isConnected?.() ?? end.connected ?? false;
  return {
    send(message, onSent) {
      if (isConnected()) end.send?.(message, onSent);
    },
    onMessage: (listener) => void end.on("message", listener),
    onClose: (listener) => void end.on("disconnect", listener),
  };
}
