import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createPathsMatcher, parseTsconfig } from "./vendor.ts";

/** What `init` needs of tsconfig.json or jsconfig.json. */
export interface AppTsconfig {
  /** `@/` for `"@/*": ["./*"]`, if it leads to the folder of the sources. */
  readonly alias?: string;
  /** TypeScript finds the types of `sse-bus/next` with it. */
  readonly resolvesExports: boolean;
}

/** `base` is the folder that has `app` and `lib`. Values that the file inherits with `extends` count. */
export function readTsconfig(folder: string, base: string): AppTsconfig {
  const path = ["tsconfig.json", "jsconfig.json"]
    .map((name) => join(folder, name))
    .find((name) => existsSync(name));
  if (path === undefined) return { resolvesExports: true };
  try {
    return settingsOf(path, join(folder, base, "lib/sse-bus"));
  } catch {
    // Next.js reports a broken file, or one that extends a package which is not installed.
    return { resolvesExports: true };
  }
}

function settingsOf(path: string, bus: string): AppTsconfig {
  const config = parseTsconfig(path);
  const { paths = {}, moduleResolution = "bundler" } = config.compilerOptions ?? {};
  const matches = createPathsMatcher({ path, config });
  const alias = Object.keys(paths)
    .filter((key) => key.endsWith("/*"))
    .map((key) => key.slice(0, -1))
    .toSorted((a, b) => Number(b === "@/") - Number(a === "@/"))
    .find((prefix) => {
      const [first] = matches?.(`${prefix}lib/sse-bus`) ?? [];
      return first !== undefined && resolve(first) === bus;
    });
  return {
    ...(alias === undefined ? {} : { alias }),
    resolvesExports: !/^(node|node10|classic)$/i.test(moduleResolution),
  };
}
