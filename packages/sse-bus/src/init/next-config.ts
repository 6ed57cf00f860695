import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Expression, ObjectProperty, PatternLike } from "@babel/types";
import { nodesOf, parseModule } from "./syntax.ts";

/** What `init` reads of next.config, without running it. */
export interface NextConfig {
  readonly file?: string;
  /** `undefined`: set, but not as a plain string. */
  readonly basePath: string | undefined;
  readonly isExport: boolean;
  /** As a list of strings; `undefined` if it is set in another way. */
  readonly pageExtensions: readonly string[] | undefined;
}

const DEFAULTS: NextConfig = {
  basePath: "",
  isExport: false,
  pageExtensions: ["tsx", "ts", "jsx", "js"],
};

export async function readNextConfig(folder: string): Promise<NextConfig> {
  for (const extension of ["js", "mjs", "cjs", "ts", "mts"]) {
    const file = `next.config.${extension}`;
    const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
    if (text !== undefined) return { file, ...settingsOf(text, file) };
  }
  return DEFAULTS;
}

function settingsOf(text: string, file: string): NextConfig {
  let settings = DEFAULTS;
  for (const statement of parseModule(text, file) ?? []) {
    for (const node of nodesOf(statement)) {
      if (node.type !== "ObjectProperty" || node.computed) continue;
      const name = keyName(node.key);
      const value = literal(node.value);
      // A rewrite or redirect may have `basePath: false`.
      if (name === "basePath" && node.value.type !== "BooleanLiteral") {
        settings = { ...settings, basePath: typeof value === "string" ? value : undefined };
      } else if (name === "output" && value === "export") {
        settings = { ...settings, isExport: true };
      } else if (name === "pageExtensions") {
        settings = { ...settings, pageExtensions: Array.isArray(value) ? value : undefined };
      }
    }
  }
  return settings;
}

/** Of `basePath: …` and of `"basePath": …`. */
function keyName(key: ObjectProperty["key"]): string {
  if (key.type === "Identifier") return key.name;
  return key.type === "StringLiteral" ? key.value : "";
}

function literal(node: Expression | PatternLike): string | readonly string[] | undefined {
  if (node.type === "StringLiteral") return node.value;
  if (node.type !== "ArrayExpression") return undefined;
  const all = node.elements.map((one) => (one?.type === "StringLiteral" ? one.value : undefined));
  return all.every((one) => one !== undefined) ? all : undefined;
}
