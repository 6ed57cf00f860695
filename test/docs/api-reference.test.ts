import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const sseBus = join(repository, "packages/sse-bus");

interface EntryPoint {
  readonly name: string;
  readonly exports: readonly string[];
  readonly page: string;
}

let folder: TempFolder;
let entryPoints: EntryPoint[] = [];

beforeAll(async () => {
  const script = join(repository, "apps/docs/scripts/api-reference.mjs");
  folder = await tempFolder("api");
  await runProcess(process.execPath, [script, folder.path], { timeoutMs: 90_000 });
  entryPoints = await readEntryPoints();
}, 100_000);
afterAll(async () => folder?.[Symbol.asyncDispose]());

test("every entry point of the package has a page, and nothing else has", async () => {
  const pages = (await readdir(folder.path)).filter((file) => file.endsWith(".md"));
  const names = entryPoints.map(({ name }) => `${name}.md`);
  expect(pages.toSorted()).toEqual(names.toSorted());
  expect(names.length).toBeGreaterThan(15);
});

test("every export of every entry point has a heading on its page, and every heading an export", () => {
  let exported = 0;
  for (const { name, exports, page } of entryPoints) {
    const documented = [...page.matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title);
    expect(documented.toSorted(), name).toEqual(exports.toSorted());
    exported += exports.length;
  }
  expect(exported).toBeGreaterThan(200);
});

test("every function and class of the reference is described", () => {
  const undescribed = entryPoints.flatMap(({ name, page }) =>
    page.split(/^## /m).flatMap((section) => {
      if (!/^(?:Functions|Classes)\n/.test(section)) return [];
      return section
        .split(/^### /m)
        .slice(1)
        .flatMap((item) => {
          const [title = "", , text = ""] = item.split("\n");
          return /^[A-Z`*[]/.test(text) && !text.startsWith("```") ? [] : [`${name}: ${title}`];
        });
    }),
  );
  expect(undescribed).toEqual([]);
});

/** The entry points of the built package, with the names that their declarations export. */
async function readEntryPoints(): Promise<EntryPoint[]> {
  const manifest = await readFile(join(sseBus, "package.json"), "utf8");
  const targets = (
    JSON.parse(manifest) as { exports: Record<string, string | { default: string }> }
  ).exports;
  return Promise.all(
    Object.entries(targets)
      .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.default])
      .filter(([, file]) => file?.endsWith(".js"))
      .map(async ([subpath = "", file = ""]) => {
        const name = subpath === "." ? "sse-bus" : subpath.slice(2);
        const declarations = await readFile(join(sseBus, file.replace(/\.js$/, ".d.ts")), "utf8");
        return {
          name,
          exports: exportedNames(declarations),
          page: await readFile(join(folder.path, `${name}.md`), "utf8"),
        };
      }),
  );
}

/** An entry point has only lists of names. Other forms of exports would escape this check. */
function exportedNames(declarations: string): string[] {
  const code = declarations.replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
  const lists = [...code.matchAll(/export (?:type )?\{([^}]*)\} from "[^"]+";/g)];
  const rest = lists.reduce((left, [list]) => left.replace(list, ""), code);
  expect(rest.trim()).toBe("");
  return lists.flatMap(([, names = ""]) =>
    names
      .split(",")
      .map((name) =>
        name
          .trim()
          .replace(/^type /, "")
          .replace(/^.* as /, ""),
      )
      .filter(Boolean),
  );
}
