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
    ["the socket's, whatever the headers contain", "6.6.6.6", 0, "10.0.0.1"],
    ["the one that the nearest proxy saw", "6.6.6.6, 198.51.100.9", 1, "198.51.100.9"],
    [
      "the one that the outer of two proxies saw",
      "6.6.6.6, 198.51.100.9, 10.0.0.2",
      2,
      "198.51.100.9",
    ],
    ["without the port that some proxies write", "198.51.100.9:4711", 1, "198.51.100.9"],
    ["without brackets around IPv6", "[2001:db8::1]:443", 1, "2001:db8::1"],
    ["IPv6 unchanged", "2001:db8::1", 1, "2001:db8::1"],
    ["IPv4 for an address mapped into IPv6", "::ffff:198.51.100.9", 1, "198.51.100.9"],
    ["the socket's if no proxy added one", undefined, 1, "10.0.0.1"],
    ["the socket's instead of a word", "unknown", 1, "10.0.0.1"],
    ["the socket's instead of a huge value", "1".repeat(8000), 1, "10.0.0.1"],
    ["the socket's instead of markup", "<b>1.2.3.4</b>", 1, "10.0.0.1"],
  ])("is %s", (_, forwarded, proxies, ip) => {
    expect(ipOf(forwarded, proxies)).toBe(ip);
  });

  test("SSE_BUS_TRUST_PROXY is a count, and any other value trusts no proxy", () => {
    expect(["1", "2", "0", "", "true", "-1", "1.5", undefined].map(readTrustedProxies)).toEqual([
      1, 2, 0, 0, 0, 0, 0, 0,
    ]);
  });
});

describe("the client of an address", () => {
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
