import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { addressOf, readNavigation } from "../../apps/docs/lib/navigation.ts";
import { listMarkdown } from "../support/markdown-files.ts";

const sections = readNavigation();
const entries = sections.flatMap(({ items }) =>
  items.flatMap((item) => ("overview" in item ? item.entries : [item])),
);
const files = entries.map(({ file }) => file);

test("every page below docs/ is in docs/meta.json once, and every page in it exists", async () => {
  const markdown = (await listMarkdown()).filter((file) => file.startsWith("docs/"));
  const listed = files.filter((file) => file.startsWith("docs/") && !file.startsWith("docs/api/"));
  expect(listed.toSorted()).toEqual(markdown);
  expect(entries.filter(({ path }) => !existsSync(path ?? ""))).toEqual([]);
});

test("the sections are what readers do, in that order", () => {
  const titles = sections.map(({ title }) => title);
  const order = ["Guides", "Deploy", "Migrate", "Backends", "Reference"];
  expect(titles).toEqual(order.filter((title) => titles.includes(title)));
  expect(files).toEqual(expect.arrayContaining(["README.md", "PROTOCOL.md", "ARCHITECTURE.md"]));
});

test("every page has one title and a description, and an address and a label of its own", async () => {
  // The reference is generated, with one title for each page.
  for (const { file, path = "" } of entries.filter((one) => !one.file.startsWith("docs/api/"))) {
    const text = (await readFile(path, "utf8")).replace(/^```[^]*?^```/gm, "");
    expect(text.match(/^# \S/gm), file).toHaveLength(1);
    expect(text, file).toMatch(/^[\w`*[“"(]/m);
  }
  for (const part of ["address", "label"] as const) {
    const all = entries.map((entry) => entry[part]);
    expect(
      all.filter((one, at) => all.indexOf(one) !== at),
      part,
    ).toEqual([]);
  }
});

test("a page's address is its path, so that an error code leads to its page", () => {
  expect(addressOf("docs/errors/GAP.md")).toBe("/docs/errors/GAP");
  expect(addressOf("docs/backends/redis.md")).toBe("/docs/backends/redis");
  expect(addressOf("README.md")).toBe("/docs");
  expect(addressOf("PROTOCOL.md")).toBe("/docs/protocol");
});
