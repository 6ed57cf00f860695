import { SseBusError } from "../core/errors.ts";
import type { Problem } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";

/** Which names a server answers to. */
export interface HostOptions {
  /**
   * Names in `Host` that are answered, without a port, besides `localhost` and IP addresses; others
   * are refused with 403. `.example.com` stands for all names below it, `*` for any name. A page whose
   * own name is pointed at this server (DNS rebinding) passes for a page of this server otherwise.
   *
   * @default any name; in routes of Next.js what `SSE_BUS_ALLOWED_HOSTS` names, else in development none
   */
  readonly allowedHosts?: readonly string[] | undefined;
}

/**
 * Whether this is a host with an optional port (RFC 9110 §7.2), and nothing else. Everything that puts
 * `Host` into a URL asks here first: `h/sse?x=` or `user@h` would change what the URL means.
 */
export function isHost(text: string): boolean {
  return text.length <= MAX_LENGTH && HOST.test(text) && URL.canParse(`http://${text}`);
}

/** Why a request's `Host` is refused, if so. Only HTTP/1.0 may leave it out. */
export function refuseHost(
  { headers }: RequestHead,
  { allowedHosts }: HostOptions,
): Problem | undefined {
  const host = headers.get("host");
  if (host === null) return undefined;
  if (!isHost(host)) return INVALID_HOST;
  if (allowedHosts === undefined) return undefined;
  const { hostname } = new URL(`http://${host}`);
  const name = hostname.replace(/\.$/, "");
  if (isAddress(name) || LOCAL.some((each) => covers(each, name))) return undefined;
  return allowedHosts.some((each) => covers(each.toLowerCase(), name))
    ? undefined
    : { ...HOST_NOT_ALLOWED, detail: `This server does not answer to "${name}": ${REMEDY}` };
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

/** A browser that was asked for an address has asked no name server. */
function isAddress(name: string): boolean {
  // The URL parser lets no other name end in a number.
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
