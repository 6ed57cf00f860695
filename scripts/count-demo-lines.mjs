/**
 * Counts the non-blank lines of the demo's server code, beside those that each use needed before the package
 * had live values and tasks.
 *
 * Usage: node scripts/count-demo-lines.mjs
 */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const demo = fileURLToPath(new URL("../apps/demo/", import.meta.url));

/** `shared` files are imported by the server and by pages. */
const uses = [
  { name: "dashboard", before: 74, server: ["server.ts"], shared: ["live.ts"] },
  { name: "system", before: 102, server: ["server.ts"], shared: ["live.ts"] },
  { name: "system: log", folder: "system", before: 85, server: ["app-log.ts"], shared: [] },
  { name: "notifications", before: 66, server: ["server.ts"], shared: ["live.ts"] },
  { name: "progress", before: 152, server: ["server.ts"], shared: [] },
  { name: "scores", before: 125, server: ["server.ts"], shared: ["live.ts"] },
];

const rows = await Promise.all(
  uses.map(async ({ name, before, folder = name, server, shared }) => {
    const linesOf = async (files) => count(files.map((file) => `features/${folder}/${file}`));
    return { name, before, server: await linesOf(server), shared: await linesOf(shared) };
  }),
);
const lib = (await readdir(`${demo}lib`)).map((file) => `lib/${file}`);
rows.push({ name: "lib/", before: 300, server: await count(lib), shared: 0 });

console.log("use             before  server  of before  live.ts  both of before");
for (const { name, before, server, shared } of rows) {
  const shareOf = (lines) => `${Math.round((100 * lines) / before)} %`;
  const cells = [
    String(before).padStart(6),
    String(server).padStart(6),
    shareOf(server).padStart(9),
    String(shared || "").padStart(7),
    (shared ? shareOf(server + shared) : "").padStart(14),
  ];
  console.log(`${name.padEnd(14)}  ${cells.join("  ")}`);
}

async function count(files) {
  const texts = await Promise.all(files.map(async (file) => readFile(demo + file, "utf8")));
  return texts
    .join("\n")
    .split("\n")
    .filter((line) => line.trim() !== "").length;
}
