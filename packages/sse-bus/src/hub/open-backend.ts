import type { Backend } from "../core/backend.ts";

// TODO(lands with sse-bus/redis): import backendFromUrl statically.
const MODULE: string = "../backends/backend-from-url.js";

/** The backend that a URL names. */
export async function backendFromUrl(url: string): Promise<Backend> {
  const { backendFromUrl: open } = (await import(MODULE)) as {
    backendFromUrl(url: string): Backend | Promise<Backend>;
  };
  return open(url);
}
