import { nextOrigin } from "../node/undocumented/next-internals.ts";

/**
 * The default of `allowedHosts`: the names in `SSE_BUS_ALLOWED_HOSTS`, or else any name in production. In
 * development it is only the host of `next dev -H`, because publishing is open to everybody then.
 */
export function defaultAllowedHosts(): readonly string[] | undefined {
  const { NODE_ENV, SSE_BUS_ALLOWED_HOSTS = "" } = process.env;
  const named = SSE_BUS_ALLOWED_HOSTS.split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  if (named.length > 0) return named;
  if (NODE_ENV !== "development") return undefined;
  const origin = nextOrigin();
  const own = origin !== undefined && URL.canParse(origin) ? new URL(origin).hostname : "";
  // IP addresses are always allowed.
  return own === "" || own.startsWith("[") ? [] : [own];
}
