import { expect, test } from "vitest";
import { crossSite, methodNotAllowed } from "./usual-problems.ts";

test("a method that is not supported names those that are, as text and as `Allow`", () => {
  expect(methodNotAllowed("GET, OPTIONS")).toEqual({
    status: 405,
    code: "METHOD_NOT_ALLOWED",
    detail: "This method is not supported. Use GET, OPTIONS.",
    headers: { Allow: "GET, OPTIONS" },
  });
});

test("a page of another origin learns what it may not do, and what its developer can do", () => {
  expect(crossSite("publish here").detail).toBe(
    "A page of another origin may not publish here: add its origin to `cors.origins`.",
  );
});
