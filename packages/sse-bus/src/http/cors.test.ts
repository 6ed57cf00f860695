import { describe, expect, test } from "vitest";
import { assertCors, isCrossSite, isEmbeddedElsewhere } from "./cors.ts";

const head = (headers: Record<string, string>) => ({
  method: "GET",
  url: "http://localhost:3000/api/publish",
  headers: new Headers({ Host: "localhost:3000", ...headers }),
});

test.each([
  "*",
  "https://*.example.com",
  "app.example.com",
  "https://app.example.com/",
  "https://app.example.com/path",
  "HTTPS://APP.example.com",
  "https://app.example.com:443",
  "null",
  "",
])("an origin %j, which no browser sends so, is refused when the route is made", (origin) => {
  expect(() => assertCors({ origins: [origin] })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});

test("exact origins are taken", () => {
  const origins = ["https://app.example.com", "http://localhost:3000", "https://[2001:db8::1]"];
  expect(() => assertCors({ origins })).not.toThrow();
});

describe("a request is cross-site", () => {
  test.each([
    [{ Origin: "https://evil.example" }, true],
    [{ Origin: "null" }, true],
    [{ Origin: "http://localhost:3000.evil.example" }, true],
    [{ Origin: "http://localhost:3001" }, true],
    [{ Origin: "https://evil.example", "Sec-Fetch-Site": "same-origin" }, true],
    [{ "Sec-Fetch-Site": "cross-site" }, true],
    [{ "Sec-Fetch-Site": "same-site" }, true],
    [{ Origin: "http://localhost:3000" }, false],
    [{ "Sec-Fetch-Site": "same-origin" }, false],
    [{ "Sec-Fetch-Site": "none" }, false],
    [{}, false],
  ])("with %o: %s", (headers, isIt) => {
    expect(isCrossSite(head(headers as Record<string, string>), undefined)).toBe(isIt);
  });
});

describe("a stream is embedded elsewhere", () => {
  test.each([
    ["cross-site", "no-cors", "image", true],
    ["cross-site", "no-cors", "script", true],
    ["same-site", "no-cors", "video", true],
    ["cross-site", "navigate", "iframe", true],
    ["cross-site", "navigate", "document", false],
    ["cross-site", "cors", "empty", false],
    ["same-origin", "no-cors", "image", false],
    ["same-origin", "cors", "empty", false],
    ["none", "navigate", "document", false],
  ])("%s, %s, as %s: %s", (site, mode, dest, isIt) => {
    const headers = { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest };
    expect(isEmbeddedElsewhere(head(headers))).toBe(isIt);
  });
});
