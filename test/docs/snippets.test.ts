import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";

/** `<!-- from PATH -->`, then the code block that must be that file, with imports as in an app. */
const SNIPPET = /<!-- from (\S+) -->\n\n```(\w+)\n([\s\S]*?)```/g;

/** Readers paste these files into `lib` and `app`, where an import such as `./likes.ts` is an error. */
function asInAnApp(file: string, code: string): string {
  if (!file.startsWith("packages/sse-bus/test/users/")) return code;
  return code.replace(/from "\.\/(?:lib\/)?([\w-]+)\.ts"/g, 'from "@/lib/$1"');
}

test.each([
  ["README.md", 5],
  ["docs/testing.md", 6],
  ["docs/while-subscribed.md", 1],
  ["docs/live-values.md", 2],
  ["docs/refresh.md", 7],
  ["docs/tasks.md", 2],
  ["docs/ai.md", 3],
  ["docs/other-frameworks.md", 6],
  ["docs/authorization.md", 2],
  ["docs/concepts.md", 1],
  ["docs/quickstart.md", 2],
  ["docs/streams.md", 1],
  ["docs/pages-and-polling.md", 1],
  ["docs/deploy/node.md", 2],
  ["docs/deploy/docker.md", 1],
  ["docs/deploy/nginx.md", 1],
  ["docs/deploy/caddy.md", 1],
  ["docs/deploy/haproxy.md", 1],
])("the snippets of %s equal the files that are tested", async (page, count) => {
  const path = join(repository, page);
  const readme = await readFile(path, "utf8");
  const files = new Map<string, string>();
  for (const [, file = ""] of readme.matchAll(SNIPPET)) {
    files.set(file, asInAnApp(file, await readFile(join(repository, file), "utf8")));
  }
  expect(files.size).toBeGreaterThanOrEqual(count);
  const wanted = readme.replace(
    SNIPPET,
    (_, file: string, language: string) =>
      `<!-- from ${file} -->\n\n\`\`\`${language}\n${files.get(file)}\`\`\``,
  );
  if (process.env.UPDATE_SNIPPETS) await writeFile(path, wanted);
  else expect(readme, "run with UPDATE_SNIPPETS=1 to bring it up to date").toBe(wanted);
});

test("the whole example of README.md is every source file of examples/minimal except its layout", async () => {
  const readme = await readFile(join(repository, "README.md"), "utf8");
  const shown = [...readme.matchAll(SNIPPET)].map(([, file = ""]) => file);
  const folder = join(repository, "examples/minimal");
  const files = await readdir(folder, { recursive: true });
  const sources = files.filter((file) => /^(?!node_modules|\.next|next-env).*\.tsx?$/.test(file));
  const expected = sources.filter((file) => file !== "app/layout.tsx");
  expect(shown.toSorted()).toEqual(expected.map((file) => `examples/minimal/${file}`).toSorted());
  expect(expected).toHaveLength(5);
  expect(readme).toContain("These five files are all that an app needs.");
});
