import type { RequestHead } from "./request-head.ts";

/** Where the client address of a request is read from. */
export interface ClientIpOptions {
  /** The address of the socket's other end, where the host knows it. */
  readonly socketIp: (request: RequestHead) => string | undefined;
  /** How many trusted proxies in front append to `X-Forwarded-For`; 0 ignores the header. */
  readonly trustedProxies: number;
}

/**
 * The client's address. Every proxy appends the address that it was called from, so with `n` trusted proxies
 * the `n`th entry from the right is reliable. The entries left of it may be forged.
 */
export function clientIp(request: RequestHead, options: ClientIpOptions): string | undefined {
  const { socketIp, trustedProxies } = options;
  if (trustedProxies > 0) {
    const hops = request.headers.get("x-forwarded-for")?.split(",");
    const hop = readAddress(hops?.at(-Math.min(trustedProxies, hops.length)));
    if (hop !== undefined) return normalise(hop);
  }
  const ip = socketIp(request);
  return ip === undefined ? undefined : normalise(ip);
}

/** `SSE_BUS_TRUST_PROXY`: unset or `0` for none, `1` for one proxy, `2` for two in a row. */
export function readTrustedProxies(value: string | undefined): number {
  const count = Number(value ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/**
 * An address as proxies write it: some add the port, and brackets to IPv6. Anything else is ignored, because
 * it would become the key of a limit and a part of messages.
 */
function readAddress(text: string | undefined): string | undefined {
  const match =
    /^\s*(?:\[([\da-f:.]{2,45})\](?::\d+)?|([\d.]{7,15})(?::\d+)?|([\da-f:.]{2,45}))\s*$/i.exec(
      text ?? "",
    );
  return match?.[1] ?? match?.[2] ?? match?.[3];
}

/** An IPv4 client on a dual-stack socket is shown as IPv6 (RFC 4291 §2.5.5.2). */
function normalise(ip: string): string {
  return ip.startsWith("::ffff:") ? ip.slice(7) : ip;
}
