import { afterEach, describe, expect, it, vi } from "vitest";

import { isAllowedHost } from "../lib/allowed-host.ts";

afterEach(() => vi.unstubAllEnvs());

describe("the hosts that the app accepts", () => {
  it("are localhost and IP addresses in development, and the name of `next dev -H`", () => {
    vi.stubEnv("NODE_ENV", "development");
    vi.stubEnv("__NEXT_PRIVATE_ORIGIN", "http://mybox:3000");
    for (const host of ["localhost:3000", "a.localhost", "127.0.0.1", "[::1]:3000", "MyBox:3000"]) {
      expect([host, isAllowedHost(host)]).toEqual([host, true]);
    }
    for (const host of ["evil.example:3000", "localhost.evil.example", "notlocalhost", "a b", ""]) {
      expect([host, isAllowedHost(host)]).toEqual([host, false]);
    }
  });

  it("include those in SSE_BUS_ALLOWED_HOSTS", () => {
    vi.stubEnv("SSE_BUS_ALLOWED_HOSTS", "laptop.local, .example.com");
    for (const host of ["laptop.local:3000", "a.example.com", "localhost", "10.0.0.1"]) {
      expect([host, isAllowedHost(host)]).toEqual([host, true]);
    }
    expect(isAllowedHost("evil.example")).toBe(false);
    vi.stubEnv("SSE_BUS_ALLOWED_HOSTS", "*");
    expect(isAllowedHost("evil.example")).toBe(true);
  });

  it("are all in production, unless some are configured", () => {
    vi.stubEnv("NODE_ENV", "production");
    expect(isAllowedHost("app.example")).toBe(true);
    expect(isAllowedHost(null)).toBe(true);
  });
});
