import type { Link } from "./rpc.ts";

/** Either end of the channel between a process and one that it has forked. */
interface ProcessEnd {
  send?(message: unknown, onSent: () => void): unknown;
  isConnected?(): boolean;
  readonly connected?: boolean;
  on(event: "message" | "disconnect", listener: (message: unknown) => void): unknown;
}

/** The channel to another process; `end` is `process` in a worker, the `Worker` in its primary. */
export function processLink(end: ProcessEnd): Link {
  const isConnected = (): boolean => end.isConnected?.() ?? end.connected ?? false;
  return {
    send(message, onSent) {
      if (isConnected()) end.send?.(message, onSent);
    },
    onMessage: (listener) => void end.on("message", listener),
    onClose: (listener) => void end.on("disconnect", listener),
  };
}
