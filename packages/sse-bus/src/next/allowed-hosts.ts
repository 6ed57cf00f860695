/**
 * The names that routes answer to unless they say so themselves: those in `SSE_BUS_ALLOWED_HOSTS`; any
 * in production; in development only what `next dev -H` says, since it publishes for everybody.
 */
export function defaultAllowedHosts(): readonly string[] | undefined {
  const { NODE_ENV, SSE_BUS_ALLOWED_HOSTS = "", __NEXT_PRIVATE_ORIGIN: origin } = process.env;
  const named = SSE_BUS_ALLOWED_HOSTS.split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  if (named.length > 0) return named;
  if (NODE_ENV !== "development") return undefined;
  const own = origin !== undefined && URL.canParse(origin) ? new URL(origin).hostname : "";
  // Addresses need not be named.
  return own === "" || own.startsWith("[") ? [] : [own];
}
