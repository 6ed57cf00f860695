/**
 * The client that an address counts as in limits. `undefined` for an unknown address, and for
 * loopback: that is a local proxy or a tool, not one client. An IPv6 network of 64 bits is one client,
 * because a subscriber receives that many addresses (RFC 6177) and could use each of them once.
 */
export function clientKey(ip: string | undefined): string | undefined {
  if (ip === undefined || ip.startsWith("127.") || ip === "::1") return undefined;
  return ip.includes(":") ? `${networkOf(ip)}/64` : ip;
}

function networkOf(ip: string): string {
  const [left = "", right] = ip.split("::");
  const head = left.split(":");
  const tail = right === undefined ? [] : right.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  const groups = [...head, ...zeros, ...tail].slice(0, 4);
  return groups.map((group) => Number.parseInt(group || "0", 16).toString(16)).join(":");
}
