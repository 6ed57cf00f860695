import { describe, expect, test } from "vitest";
import { assertCors, isCrossSite, isEmbeddedElsewhere, optionsAnswer } from "./cors.ts";

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
])("an origin %j, which no browser sends, is rejected when the route is created", (origin) => {
  expect(() => assertCors({ origins: [origin] })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});

test("exact origins are accepted", () => {
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
    [{ Referer: "https://evil.example/page" }, true],
    [{ Referer: "http://localhost:3001/page" }, true],
    [{ Referer: "android-app://com.example" }, true],
    [{ Referer: "http://localhost:3000.evil.example/" }, true],
    [{ Referer: "http://localhost:3000@evil.example/" }, true],
    [{ Referer: "not a URL" }, true],
    [{ Referer: "http://localhost:3000/page?x" }, false],
    [{ Referer: "https://localhost:3000/" }, false],
    [{ Referer: "https://evil.example/", "Sec-Fetch-Site": "none" }, false],
    [{ Referer: "https://evil.example/", Origin: "http://localhost:3000" }, false],
    [{}, false],
  ])("with %o: %s", (headers, isIt) => {
    expect(isCrossSite(head(headers as Record<string, string>), undefined)).toBe(isIt);
  });
});

test("a page of an allowed origin is not another site, also by its Referer", () => {
  const cors = { origins: ["https://app.example"] };
  expect(isCrossSite(head({ Referer: "https://app.example/page" }), cors)).toBe(false);
  expect(isCrossSite(head({ Referer: "https://app.example.evil/" }), cors)).toBe(true);
});

describe("a preflight", () => {
  const preflight = (origin: string, asked?: string) =>
    optionsAnswer(
      head({
        Origin: origin,
        "Access-Control-Request-Method": "GET",
        ...(asked !== undefined && { "Access-Control-Request-Headers": asked }),
      }),
      "GET, HEAD, OPTIONS",
      { origins: ["https://app.example"] },
    ).headers;
  const allowed = (asked?: string): string[] =>
    (preflight("https://app.example", asked)["Access-Control-Allow-Headers"] ?? "").split(", ");

  test("allows an allowed origin the headers it asks for", () => {
    expect(allowed("x-tenant,x-trace-id , authorization")).toEqual(
      expect.arrayContaining(["x-tenant", "x-trace-id", "authorization", "Last-Event-ID"]),
    );
    expect(allowed()).toEqual(["Authorization", "Content-Type", "Last-Event-ID"]);
  });

  test("repeats only header names, and limits their length", () => {
    const names = allowed(`a b,<x>,x"y,,${"n".repeat(101)}`);
    expect(names).toEqual(["Authorization", "Content-Type", "Last-Event-ID"]);
    expect(allowed("a,".repeat(2000)).length).toBeLessThan(60);
  });

  test("allows another origin nothing, and no cache confuses the two", () => {
    const headers = preflight("https://evil.example", "x-tenant");
    expect(headers["Access-Control-Allow-Headers"]).toBeUndefined();
    expect(headers.Vary).toBe("Origin, Access-Control-Request-Headers");
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
    expect(isEmbeddedElsewhere(head(headers), undefined)).toBe(isIt);
  });

  const IMAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
  test.each([
    ["an image", { Accept: IMAGE, Referer: "http://evil.example/" }, true],
    ["a script", { Accept: "*/*", Referer: "http://evil.example/" }, true],
    ["a frame", { Accept: "text/html,*/*;q=0.8", Referer: "http://evil.example/a" }, true],
    ["an EventSource", { Accept: "text/event-stream", Referer: "http://evil.example/" }, false],
    ["a fetch", { Accept: "*/*", Origin: "http://evil.example", Referer: "http://a.b/" }, false],
    ["a page of its own origin", { Accept: "*/*", Referer: "http://app.example/page" }, false],
    ["an allowed page", { Accept: "*/*", Referer: "http://friend.example/" }, false],
    ["curl", { Accept: "*/*" }, false],
  ])("over plain HTTP, without Sec-Fetch-*, by %s: %o, %s", (_, headers, isIt) => {
    const cors = { origins: ["http://friend.example"] };
    const sent = { Host: "app.example", ...headers } as Record<string, string>;
    expect(isEmbeddedElsewhere(head(sent), cors)).toBe(isIt);
  });
});
