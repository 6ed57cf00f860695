import type { RequestHead } from "./request-head.ts";

/** How to find the client address of a request. */
export interface ClientIpOptions {
  /** Returns the remote address of the socket, if the host knows it. */
  readonly socketIp: (request: RequestHead) => string | undefined;
  /** The number of trusted proxies that append to `X-Forwarded-For`. With 0, the header is ignored. */
  readonly trustedProxies: number;
}

/**
 * The client's address. Each proxy appends the address of the peer that connected to it. With `n` trusted
 * proxies, the `n`th entry from the right is therefore reliable. Entries to the left of it can be forged.
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

/**
 * Reads `SSE_BUS_TRUST_PROXY`: the number of trusted proxies in a row. Anything but a positive integer means
 * none.
 */
export function readTrustedProxies(value: string | undefined): number {
  const count = Number(value ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/**
 * Reads an address as proxies write it. Some add the port, and brackets around IPv6. Other text is ignored,
 * because the address becomes the key of a limit and appears in messages.
 */
function readAddress(text: string | undefined): string | undefined {
  const match =
    /^\s*(?:\[([\da-f:.]{2,45})\](?::\d+)?|([\d.]{7,15})(?::\d+)?|([\da-f:.]{2,45}))\s*$/i.exec(
      text ?? "",
    );
  return match?.[1] ?? match?.[2] ?? match?.[3];
}

/** A dual-stack socket reports an IPv4 client as an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2). */
function normalise(ip: string): string {
  return ip.startsWith("::ffff:") ? ip.slice(7) : ip;
}
