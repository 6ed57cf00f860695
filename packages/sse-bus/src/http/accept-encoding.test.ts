import { expect, test } from "vitest";
import { prefersGzip } from "./accept-encoding.ts";

function accepts(value: string | null): boolean {
  const headers = { get: (name: string) => (name === "accept-encoding" ? value : null) };
  return prefersGzip({ method: "GET", url: "http://localhost/", headers });
}

test.each([
  "gzip",
  "GZIP",
  "x-gzip",
  "gzip, deflate, br, zstd",
  "br;q=1.0, gzip;q=0.8, *;q=0.1",
  "identity;q=0.5, gzip;q=0.5",
  "*",
  "gzip;q=0.001",
  " gzip ; q=1 ",
])("a client that sends %j gets gzip", (value) => expect(accepts(value)).toBe(true));

test.each([
  null,
  "",
  "identity",
  "br, zstd",
  "gzip;q=0",
  "gzip;q=0.000, br",
  "*;q=0",
  "*, gzip;q=0",
  "identity, gzip;q=0.5",
  "gzip;q=none",
  "gzip;q=-1",
  "gzip;q=2",
  "gzippy",
])("a client that sends %j gets no coding", (value) => expect(accepts(value)).toBe(false));
