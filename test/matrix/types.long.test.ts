import { execFile } from "node:child_process";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packPackage } from "../support/pack-package.ts";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { addTo } from "../support/test-tables.ts";
import { typescripts } from "./combinations.ts";

interface Failure {
  readonly stdout: string;
  readonly code?: number;
}

const versions = typescripts.filter((version) => version !== "none");
const resolutions = ["bundler", "node16"] as const;

describe.each(["18", "19"])(
  "an app that checks its libraries too, with the types of React %s",
  (react) => {
    let temp: TempFolder;

    beforeAll(async () => {
      temp = await tempFolder("types");
      const tarball = await packPackage(temp.path);
      await write("package.json", { private: true, type: "module" });
      const compilers = versions.map(
        (version) => `typescript-${version}@npm:typescript@${version}`,
      );
      const types = [`@types/react@${react}`, "@types/node@20", "jose@6", "@opentelemetry/api@1"];
      await runProcess(
        "npm",
        ["install", "--no-audit", "--no-fund", "--prefer-offline", tarball, ...types, ...compilers],
        { cwd: temp.path, timeoutMs: 480_000 },
      );
      const typedApp = join(repository, "packages/sse-bus/test/typed-app");
      for (const name of await readdir(typedApp)) {
        if (/\.tsx?$/.test(name)) await cp(join(typedApp, name), join(temp.path, name));
      }
      await writeFile(join(temp.path, "every-subpath.ts"), await everySubpath());
    }, 600_000);

    afterAll(async () => temp?.[Symbol.asyncDispose]());

    test.each(versions)(
      "TypeScript %s finds no error in the app and in sse-bus",
      async (version) => {
        const row: Record<string, string> = { TypeScript: version, "types of React": react };
        for (const resolution of resolutions) {
          await write("tsconfig.json", configOf(resolution));
          const tsc = join(temp.path, `node_modules/typescript-${version}/bin/tsc`);
          const run: Promise<Failure> = promisify(execFile)(
            process.execPath,
            [tsc, "--pretty", "false"],
            {
              cwd: temp.path,
            },
          );
          const { stdout, code = 0 } = await run.catch((error: Failure) => error);
          const errors = stdout.split("\n").filter((line) => /error TS\d+/.test(line));
          // Any other failure is not one of types.
          expect(code > 0, stdout).toBe(errors.length > 0);
          const elsewhere = errors.filter((line) => /^node_modules\/(?!sse-bus\/)/.test(line));
          expect(errors.filter((line) => !elsewhere.includes(line))).toEqual([]);
          row[resolution] = "no error";
          row[`${resolution}: errors in other packages`] = countByPackage(elsewhere);
        }
        await addTo("types", row);
      },
      240_000,
    );

    async function write(path: string, value: object): Promise<void> {
      await writeFile(join(temp.path, path), JSON.stringify(value));
    }
  },
);

/** As create-next-app makes it, but for `skipLibCheck`. */
function configOf(resolution: (typeof resolutions)[number]): object {
  return {
    compilerOptions: {
      target: "ES2017",
      lib: ["dom", "dom.iterable", "esnext"],
      module: resolution === "bundler" ? "esnext" : "node16",
      moduleResolution: resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      isolatedModules: true,
      allowImportingTsExtensions: true,
      jsx: "react-jsx",
      noEmit: true,
      skipLibCheck: false,
      types: ["node"],
    },
    include: ["*.ts", "*.tsx"],
  };
}

async function everySubpath(): Promise<string> {
  const path = join(repository, "packages/sse-bus/package.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as { readonly exports: object };
  const subpaths = Object.keys(manifest.exports).filter((name) => name !== "./package.json");
  const lines = subpaths.map(
    (name, index) => `export * as _${index} from "${name.replace(/^\./, "sse-bus")}";`,
  );
  return lines.join("\n");
}

function countByPackage(errors: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of errors) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(line)?.[1] as string;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${name}: ${count}`).join(", ") || "none";
}
