import { SseBusError } from "../core/errors.ts";
import type { Problem } from "./problem.ts";
import { Refusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";

/** The names that a server answers to. */
export interface HostOptions {
  /**
   * Names in `Host` that are answered, without a port, besides `localhost` and IP addresses; others
   * get 403. `.example.com` allows all names below it, `*` any name. Without the check, a page whose own
   * name resolves to this server (DNS rebinding) counts as a page of this server.
   *
   * @default any name; in routes of Next.js what `SSE_BUS_ALLOWED_HOSTS` names, else in development none
   */
  readonly allowedHosts?: readonly string[] | undefined;
}

/**
 * Whether this is a host with an optional port (RFC 9110 §7.2), and nothing else. Check it before `Host`
 * goes into a URL: `h/sse?x=` or `user@h` would change what the URL means.
 */
export function isHost(text: string): boolean {
  return nameOf(text) !== undefined;
}

/** The name in `Host`, without a port; `undefined` if it is not a host. */
function nameOf(host: string): string | undefined {
  const known = names.get(host);
  if (known !== undefined) return known;
  const isValid = host.length <= MAX_LENGTH && HOST.test(host) && URL.canParse(`http://${host}`);
  if (!isValid) return undefined;
  const name = new URL(`http://${host}`).hostname.replace(/\.$/, "");
  if (names.size >= MAX_NAMES) names.clear();
  names.set(host, name);
  return name;
}

/** The latest valid ones: most requests name the same one, and need not parse it. */
const names = new Map<string, string>();
const MAX_NAMES = 100;

/**
 * Checks the `Host` of a request. Only HTTP/1.0 may leave it out. Some servers put the `:authority` of HTTP/2 into the
 * URL of a web-standard request, and nowhere else.
 *
 * @throws Refusal `INVALID_HOST`, `HOST_NOT_ALLOWED`
 */
export function checkHost(
  { headers, target, url }: RequestHead,
  { allowedHosts }: HostOptions,
): void {
  const isInUrl = target === undefined && allowedHosts !== undefined;
  const host = headers.get("host") ?? (isInUrl ? new URL(url).host : null);
  if (host === null) return;
  const name = nameOf(host);
  if (name === undefined) throw new Refusal(INVALID_HOST);
  if (allowedHosts === undefined) return;
  if (isAddress(name) || LOCAL.some((each) => covers(each, name))) return;
  if (allowedHosts.some((each) => covers(each.toLowerCase(), name))) return;
  throw new Refusal({
    ...HOST_NOT_ALLOWED,
    detail: `This server does not answer to "${name}": ${REMEDY}`,
  });
}

/** @throws SseBusError `INVALID_OPTION` */
export function assertAllowedHosts(hosts: readonly string[] | undefined): void {
  for (const host of hosts ?? []) {
    if (host === "*" || NAME.test(host)) continue;
    throw new SseBusError(
      "INVALID_OPTION",
      `\`allowedHosts\` must hold names without scheme and port, such as laptop.local, .example.com or *; got ${JSON.stringify(host)}.`,
    );
  }
}

/** With an address no name is resolved, so DNS rebinding is not possible. */
function isAddress(name: string): boolean {
  // The URL parser accepts no other name that ends in a number.
  return name.startsWith("[") || /^[\d.]+$/.test(name);
}

function covers(allowed: string, name: string): boolean {
  if (allowed === "*" || allowed === name) return true;
  return allowed.startsWith(".") && name.endsWith(allowed);
}

/** Browsers resolve these themselves (RFC 6761 §6.3). */
const LOCAL = ["localhost", ".localhost"];

export const INVALID_HOST: Problem = {
  status: 400,
  code: "INVALID_HOST",
  detail:
    "The request's `Host` is not a host with an optional port: send `Host: example.com` or `Host: example.com:3000`.",
};

const HOST_NOT_ALLOWED = { status: 403, code: "HOST_NOT_ALLOWED" } as const;
const REMEDY =
  "add the name to `allowedHosts` or to SSE_BUS_ALLOWED_HOSTS, or use localhost or an IP address.";

/** A name has at most 253 characters (RFC 1035 §2.3.4); then a colon and five digits. */
const MAX_LENGTH = 259;
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const NAME = /^[A-Za-z0-9._-]{1,253}$/;
