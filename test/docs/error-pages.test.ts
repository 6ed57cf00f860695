import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";

const PAGES = join(repository, "docs/errors");
const PACKAGE = join(repository, "packages/sse-bus/src");

/** The files that declare codes, as unions of string literals. */
const SOURCES = ["core/errors.ts", "http/problem.ts", "client/client-error.ts"];

/** Messages that this package does not write itself. */
const OTHER_MESSAGES = new Map([["INVALID_MESSAGE", "the JSON parser of the browser"]]);

const names = await readdir(PAGES);
const pages = await Promise.all(
  names.map(async (file) => ({
    code: file.replace(".md", ""),
    text: await readFile(join(PAGES, file), "utf8"),
  })),
);

test("every error code has a page, and every page belongs to a code", async () => {
  const codes = new Set<string>();
  for (const source of SOURCES) {
    const text = await readFile(join(PACKAGE, source), "utf8");
    for (const [, code = ""] of text.matchAll(/^ {2}\| "([A-Z_]+)"/gm)) codes.add(code);
  }
  expect(pages.map(({ code }) => code).toSorted()).toEqual([...codes].toSorted());
});

test("every page says what happened, why, what to do, and gives an example, in this order", () => {
  for (const { code, text } of pages) {
    const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "");
    expect(prose.match(/^#+ .*/gm), code).toEqual([
      `# ${code}`,
      "## What happened",
      "## Why",
      "## What to do",
      "## Example",
    ]);
    for (const section of text.split(/^## .*/m).slice(1)) expect(section.trim(), code).not.toBe("");
    expect(text.split("## Example")[1], code).toMatch(/^```\w+\n[\s\S]+?\n```$/m);
  }
});

test("every page shows a message that the package writes", async () => {
  const literals = await readLiterals();
  const unknown = pages
    .filter(({ code }) => !OTHER_MESSAGES.has(code))
    .map(({ code, text }) => ({ code, shown: /```text\n(.+)\n```/.exec(text)?.[1] ?? "" }))
    .filter(({ shown }) => !literals.some((literal) => literal.test(shown)));
  expect(unknown).toEqual([]);
});

/** The package's strings and templates, as expressions of what they can produce. */
async function readLiterals(): Promise<RegExp[]> {
  const files = await readdir(PACKAGE, { recursive: true });
  const sources = files.filter((file) => /(?<!\.test)\.tsx?$/.test(file));
  const texts = await Promise.all(sources.map((file) => readFile(join(PACKAGE, file), "utf8")));
  return texts.flatMap((text) =>
    [...text.matchAll(/`((?:[^`\\]|\\.)*)`|"((?:[^"\\\n]|\\.)*)"/g)].flatMap(
      ([, template, string]) => toExpression(template ?? string ?? ""),
    ),
  );
}

/** Nothing for a template that has less than ten characters of its own: it could produce nearly any text. */
function toExpression(source: string): RegExp[] {
  // A template inside a template cuts its `${` off: what follows may be anything.
  const parts = source.replaceAll(/\\(.)/g, "$1").split(/\$\{[^}]*(?:\}|$)/);
  const { length } = parts.join("").trim();
  if (parts.length > 1 && length < 10) return [];
  // Some messages are put together of two.
  const start = length < 20 ? "" : "(?:.* )?";
  return [new RegExp(`^${start}${parts.map(escape).join(".*")}$`)];
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
