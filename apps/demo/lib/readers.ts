import diagnostics from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { perProcess } from "./per-process";

const streams = ["/api/sse", "/api/inspector"];

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/**
 * Calls `changed` with the number of this process's streams that read a channel under `prefix`,
 * whenever it changes. Uses Node's diagnostics channel, so nothing is polled.
 */
export function watchReaders(prefix: string, changed: (readers: number) => void): () => void {
  const open = new Set<ServerResponse>();
  const onRequest = (message: unknown): void => {
    const { request, response } = message as Exchange;
    if (!channelsOf(request).some((channel) => channel.startsWith(prefix))) return;
    open.add(response);
    response.once("close", () => {
      if (open.delete(response)) changed(open.size);
    });
    changed(open.size);
  };
  listeners().add(onRequest);
  return () => {
    listeners().delete(onRequest);
    open.clear();
  };
}

function channelsOf({ method, url = "/" }: IncomingMessage): string[] {
  // Not `new URL`, which throws for a target such as `//`; an error here would crash the process.
  const [path = "", query] = url.split("?", 2);
  if (method !== "GET" || !streams.includes(path)) return [];
  return new URLSearchParams(query).getAll("channel");
}

/** One subscription per process, because hot reload would leak one per module version. */
function listeners(): Set<(message: unknown) => void> {
  return perProcess("request-listeners", () => {
    const all = new Set<(message: unknown) => void>();
    diagnostics.subscribe("http.server.request.start", (message) => {
      for (const listener of all) listener(message);
    });
    return all;
  });
}
