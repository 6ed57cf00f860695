import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { linkResolver } from "../../apps/docs/lib/links.ts";
import { outlineOf } from "../../apps/docs/lib/markdown.ts";
import { listMarkdown } from "../support/markdown-files.ts";
import { repository } from "../support/repository.ts";

const files = await listMarkdown();
const outlines = new Map(
  await Promise.all(
    files.map(
      async (file) => [file, outlineOf(await readFile(join(repository, file), "utf8"))] as const,
    ),
  ),
);
/** What is not Markdown of the repository is generated: the overviews of folders, and the API reference. */
const resolve = linkResolver([]);

test("every link of the documentation leads to a file and an anchor that exist", () => {
  const dead: string[] = [];
  let checked = 0;
  for (const [from, { links }] of outlines) {
    for (const { href, line } of links) {
      const target = resolve(from, href);
      if (target.kind === "external") continue;
      checked += 1;
      if (target.kind === "missing") dead.push(`${from}:${line}: ${href}: no file ${target.file}`);
      if (target.kind !== "file" || target.anchor === "") continue;
      const anchors = outlines.get(target.file)?.headings.map(({ anchor }) => anchor);
      if (!anchors?.includes(target.anchor)) {
        dead.push(`${from}:${line}: ${href}: no heading #${target.anchor} in ${target.file}`);
      }
    }
  }
  expect(dead).toEqual([]);
  expect(checked).toBeGreaterThan(100);
});

test("links to other sites are complete addresses, with https unless they stay on this machine", () => {
  const refused = [...outlines].flatMap(([from, { links }]) =>
    links.flatMap(({ href, line }) => {
      if (resolve(from, href).kind !== "external") return [];
      const url = URL.canParse(href) ? new URL(href) : undefined;
      const isLocal = url?.hostname === "localhost" || url?.hostname === "127.0.0.1";
      const isGood = url?.protocol === "https:" || url?.protocol === "mailto:" || isLocal;
      return isGood ? [] : [`${from}:${line}: ${href}`];
    }),
  );
  expect(refused).toEqual([]);
});

test("links name Markdown files as GitHub needs it, not as addresses of the site", () => {
  const wrong = [...outlines].flatMap(([from, { links }]) =>
    links.flatMap(({ href, line }) => (href.startsWith("/") ? [`${from}:${line}: ${href}`] : [])),
  );
  expect(wrong).toEqual([]);
});
