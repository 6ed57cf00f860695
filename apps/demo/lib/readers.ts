import diagnostics from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { perProcess } from "./per-process";

const streams = ["/api/sse", "/api/inspector"];

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/**
 * Calls `changed` with how many event streams of this process carry a channel that starts with
 * `prefix`, whenever that changes. Node tells of every request, so nothing is polled.
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
  // Not `new URL`: a target such as `//` is none, and an error here would be the process's.
  const [path = "", query] = url.split("?", 2);
  if (method !== "GET" || !streams.includes(path)) return [];
  return new URLSearchParams(query).getAll("channel");
}

/** One subscription for the process: those of retired modules would stay for ever. */
function listeners(): Set<(message: unknown) => void> {
  return perProcess("request-listeners", () => {
    const all = new Set<(message: unknown) => void>();
    diagnostics.subscribe("http.server.request.start", (message) => {
      for (const listener of all) listener(message);
    });
    return all;
  });
}
