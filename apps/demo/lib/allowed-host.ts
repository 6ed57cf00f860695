/**
 * Whether the app answers to this `Host`: the rule of the package's routes, for everything else. Without
 * it, a site whose own name resolves to this server (DNS rebinding) could read pages and call Server
 * Actions in development, where publishing is open.
 *
 * Any name is allowed in production, unless `SSE_BUS_ALLOWED_HOSTS` is set.
 */
export function isAllowedHost(host: string | null): boolean {
  const allowed = allowedNames();
  // Only HTTP/1.0 leaves it out, and browsers do not speak that.
  if (host === null || allowed === undefined) return true;
  if (!URL.canParse(`http://${host}`)) return false;
  const name = nameOf(`http://${host}`);
  // With an address no name is resolved. The URL parser accepts no other name that ends in a number.
  if (name.startsWith("[") || /^[\d.]+$/.test(name)) return true;
  return ["localhost", ".localhost", ...allowed].some((each) => covers(each, name));
}

/** The response to a host that is not allowed. */
export function hostNotAllowed(): Response {
  const remedy = "Add its name to SSE_BUS_ALLOWED_HOSTS, or use localhost or an IP address.";
  return new Response(`This server does not answer to this host. ${remedy}\n`, {
    status: 403,
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
  });
}

/** `undefined` if any name is allowed. */
function allowedNames(): readonly string[] | undefined {
  const named = (process.env.SSE_BUS_ALLOWED_HOSTS ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
  if (named.length > 0) return named;
  if (process.env.NODE_ENV !== "development") return undefined;
  // Next sets this to its own address; `next dev -H NAME` puts a name there.
  const origin = process.env.__NEXT_PRIVATE_ORIGIN;
  return origin !== undefined && URL.canParse(origin) ? [nameOf(origin)] : [];
}

function nameOf(url: string): string {
  return new URL(url).hostname.replace(/\.$/, "");
}

function covers(allowed: string, name: string): boolean {
  if (allowed === "*" || allowed === name) return true;
  return allowed.startsWith(".") && name.endsWith(allowed);
}
