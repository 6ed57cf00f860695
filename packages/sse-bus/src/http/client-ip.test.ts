import { describe, expect, test } from "vitest";
import { clientKey } from "./client-key.ts";
import { clientIp, readTrustedProxies } from "./client-ip.ts";

function ipOf(forwarded: string | undefined, trustedProxies: number): string | undefined {
  const headers = new Headers(forwarded === undefined ? {} : { "X-Forwarded-For": forwarded });
  const head = { method: "GET", url: "http://localhost/", headers };
  return clientIp(head, { socketIp: () => "10.0.0.1", trustedProxies });
}

describe("the client's address", () => {
  test.each([
    ["the socket's, whatever a header says", "6.6.6.6", 0, "10.0.0.1"],
    ["what the nearest proxy saw", "6.6.6.6, 198.51.100.9", 1, "198.51.100.9"],
    ["what the outer one of two proxies saw", "6.6.6.6, 198.51.100.9, 10.0.0.2", 2, "198.51.100.9"],
    ["without the port that some proxies write", "198.51.100.9:4711", 1, "198.51.100.9"],
    ["without brackets around IPv6", "[2001:db8::1]:443", 1, "2001:db8::1"],
    ["IPv6 as it is", "2001:db8::1", 1, "2001:db8::1"],
    ["IPv4 for one mapped into IPv6", "::ffff:198.51.100.9", 1, "198.51.100.9"],
    ["the socket's where no proxy has written", undefined, 1, "10.0.0.1"],
    ["the socket's rather than a word", "unknown", 1, "10.0.0.1"],
    ["the socket's rather than something huge", "1".repeat(8000), 1, "10.0.0.1"],
    ["the socket's rather than markup", "<b>1.2.3.4</b>", 1, "10.0.0.1"],
  ])("is %s", (_, forwarded, proxies, ip) => {
    expect(ipOf(forwarded, proxies)).toBe(ip);
  });

  test("SSE_BUS_TRUST_PROXY is a count, and anything else trusts nobody", () => {
    expect(["1", "2", "0", "", "true", "-1", "1.5", undefined].map(readTrustedProxies)).toEqual([
      1, 2, 0, 0, 0, 0, 0, 0,
    ]);
  });
});

describe("the client that an address stands for", () => {
  test.each([
    ["198.51.100.9", "198.51.100.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2/64"],
    ["2001:db8:1:2::1", "2001:db8:1:2/64"],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2/64"],
    ["2001:db8::1", "2001:db8:0:0/64"],
    ["2001:db8::2", "2001:db8:0:0/64"],
    ["::1", undefined],
    ["127.0.0.1", undefined],
    ["127.8.8.8", undefined],
    [undefined, undefined],
  ])("of %s is %s", (ip, client) => {
    expect(clientKey(ip)).toBe(client);
  });
});
