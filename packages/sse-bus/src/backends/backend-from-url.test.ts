import { expect, test } from "vitest";
import { backendFromUrl } from "./backend-from-url.ts";

const SECRETS = [
  "se/cret",
  "se?cret",
  "se#cret",
  "se@cret",
  "12/cret@34",
  "12?cret",
  "1/c@r/e?t#",
  "cret%zz",
];

test.each(
  ["redis", "rediss", "nats", "tls", "postgres", "postgresql", "mysql", "http", ""].flatMap(
    (scheme) => SECRETS.map((secret) => `${scheme && `${scheme}://`}ada:${secret}@host:1/db`),
  ),
)("the error of %s repeats no part of its password", async (url) => {
  const failure = await Promise.resolve()
    .then(async () => {
      const backend = backendFromUrl(url);
      // A valid URL is accepted. No connection is made here.
      await backend.close();
    })
    .catch((error: unknown) => error);
  if (failure === undefined) return;
  expect(failure).toMatchObject({ code: "INVALID_OPTION" });
  const texts = [
    (failure as Error).message,
    JSON.stringify(failure),
    String((failure as Error).cause),
  ];
  for (const text of texts) expect(text).not.toMatch(/cret|c@r|ada|host/);
});

test.each([
  "redis://ada:se/cret@h",
  "postgres://u:12/cret@h/db",
  "nats://u:p?cret@h",
  "redis://u:1#x@h",
])("%s is rejected, and the error shows a valid form", (url) =>
  expect(() => backendFromUrl(url)).toThrow("%2F"),
);

test.each(["redis://ada:se%2Fcret@h:1", "postgres://u:p%40@h/db?sslmode=require", "redis://h:1/0"])(
  "%s is read",
  (url) => expect(() => backendFromUrl(url)).not.toThrow(),
);
