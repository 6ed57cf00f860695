import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { RegExpParser } from "@eslint-community/regexpp";
import { analyse } from "scslre";
import { expect, test } from "vitest";
import { parseAst } from "vitest/node";
import { matcherOf } from "../src/client/topic.ts";

/**
 * A regular expression that backtracks can take quadratic time or worse: a header of
 * 16,000 spaces once blocked the event loop for a third of a second, before authorization.
 * The static analysis is the one of `eslint-plugin-regexp`.
 *
 * @see https://github.com/RunDevelopment/scslre
 */
const root = fileURLToPath(new URL("../../..", import.meta.url));
const FOLDERS = ["packages/sse-bus/src", "apps/demo"];
const OTHERS = /node_modules|\.next|\.test\.tsx?$|\.d\.ts$|^test\//;

/** Builds its expression from a topic; see below. */
const MAKERS = ["packages/sse-bus/src/client/topic.ts"];

test("every regular expression takes linear time for any input", async () => {
  const slow: string[] = [];
  let seen = 0;
  for (const { file, literal } of await expressions()) {
    seen++;
    if (isSlow(literal)) slow.push(`${file}: ${literal}`);
  }
  expect(seen, "expressions found").toBeGreaterThan(20);
  expect(slow).toEqual([]);
});

test("no regular expression is built from text, except the one built from a topic", async () => {
  const found = await nodes(
    (node) => isNode(node["callee"]) && node["callee"]["name"] === "RegExp",
  );
  expect([...new Set(found.map(({ file }) => file))]).toEqual(MAKERS);
});

test.each(["a/*/b/*", "**", "a/**", "*/*/*/*/**", "a.b/*"])(
  "the one built from the topic %s takes linear time",
  (topic) => expect(isSlow(String(matcherOf(topic)))).toBe(false),
);

test.each([
  String.raw`/^([\w!#$%&'*+.^${"`"}|~-]+):[\t ]*([!-~]+(?:[\t ]+[!-~]+)*|)[\t ]*$/`,
  "/^Bearer +(.+)$/i",
  "/^(a+)+$/",
  String.raw`/\s+$/`,
])("an expression such as %s is found", (literal) => expect(isSlow(literal)).toBe(true));

function isSlow(literal: string): boolean {
  return analyse(new RegExpParser().parseLiteral(literal)).reports.length > 0;
}

async function expressions(): Promise<{ file: string; literal: string }[]> {
  const found = await nodes(({ type, regex }) => type === "Literal" && regex !== undefined);
  return found.map(({ file, node }) => {
    const { pattern, flags } = node["regex"] as { pattern: string; flags: string };
    return { file, literal: `/${pattern}/${flags}` };
  });
}

type SyntaxNode = Record<string, unknown>;

/** All nodes of all sources for which `isWanted` holds. */
async function nodes(isWanted: (node: SyntaxNode) => boolean) {
  const all: { readonly file: string; readonly node: SyntaxNode }[] = [];
  for (const folder of FOLDERS) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (!/\.tsx?$/.test(name) || OTHERS.test(name)) continue;
      const path = join(root, folder, name);
      const program: unknown = parseAst(await readFile(path, "utf8"), {
        lang: name.endsWith("x") ? "tsx" : "ts",
      });
      const file = relative(root, path);
      for (const node of walk(program)) if (isWanted(node)) all.push({ file, node });
    }
  }
  return all;
}

function* walk(node: unknown): Iterable<SyntaxNode> {
  if (Array.isArray(node)) {
    for (const each of node) yield* walk(each);
  } else if (isNode(node)) {
    yield node;
    for (const each of Object.values(node)) yield* walk(each);
  }
}

function isNode(node: unknown): node is SyntaxNode {
  return typeof node === "object" && node !== null && "type" in node;
}
