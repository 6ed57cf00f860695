import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { repository } from "./repository.ts";

/** Every version of Node.js in use. */
export const nodeVersions = [20, 22, 24, 26] as const;
export type NodeVersion = (typeof nodeVersions)[number];

/** Releases of Next.js that are tested, by their name in `test/runtimes/package.json`. */
export type NextRelease = "next-oldest" | "next-newest";

const fromRuntimes = createRequire(join(repository, "test/runtimes/package.json"));

/**
 * The program of a version of Node.js: `SSE_BUS_TEST_NODE_24` and so on, or that of `test/runtimes`.
 *
 * @throws Error if npm has none for this machine.
 */
export function nodeProgram(version: NodeVersion): string {
  const variable = `SSE_BUS_TEST_NODE_${version}`;
  const given = process.env[variable];
  if (given) return given;
  const name = `node-${version}-${process.platform}-${process.arch}`;
  return find(
    `${name}/package.json`,
    "bin/node",
    `Set ${variable} to the path of a Node.js ${version}`,
  );
}

/** Each worker of the tests begins with another version. */
let turn = Number(process.env["VITEST_POOL_ID"] ?? 0);

/**
 * The Node.js of a server under test: the version in `SSE_BUS_TEST_NODE`, or each version in turn, so that
 * every suite meets all of them in the time of one.
 */
export function serverNode(): string {
  const given = nodeVersions.find((each) => String(each) === process.env["SSE_BUS_TEST_NODE"]);
  return nodeProgram(given ?? (nodeVersions[turn++ % nodeVersions.length] as NodeVersion));
}

export function bunProgram(): string {
  const name = `@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : "x64"}`;
  return findIn("bun", `${name}/package.json`, "bin/bun");
}

export function denoProgram(): string {
  const libc = process.platform === "linux" ? "-glibc" : "";
  return findIn("deno", `@deno/${process.platform}-${process.arch}${libc}/package.json`, "deno");
}

/** The folder of a package that `test/runtimes` has. */
export function runtimePackage(name: string): string {
  return dirname(fromRuntimes.resolve(`${name}/package.json`));
}

function findIn(owner: string, manifest: string, program: string): string {
  const from = createRequire(join(runtimePackage(owner), "package.json"));
  return join(dirname(from.resolve(manifest)), program);
}

function find(manifest: string, program: string, remedy: string): string {
  try {
    return join(dirname(fromRuntimes.resolve(manifest)), program);
  } catch (cause) {
    throw new Error(`npm has no ${manifest} for this machine. ${remedy}.`, { cause });
  }
}
