import type { ParserPlugin } from "@babel/parser";
import type { Node, Statement } from "@babel/types";
import { parse } from "./vendor.ts";

/** The statements of a module; `undefined` if it cannot be parsed. */
export function parseModule(text: string, file: string): Statement[] | undefined {
  const plugins: ParserPlugin[] = ["decorators", "explicitResourceManagement"];
  if (/\.[cm]?ts$|\.tsx$/.test(file)) plugins.push("typescript");
  if (/\.(js|jsx|tsx)$/.test(file)) plugins.push("jsx");
  try {
    return parse(text, { sourceType: "module", plugins }).program.body;
  } catch {
    return undefined;
  }
}

/** A node and all nodes inside; those of which `isSkipped` holds only themselves. */
export function* nodesOf(node: Node, isSkipped?: (node: Node) => boolean): Iterable<Node> {
  yield node;
  if (isSkipped?.(node)) return;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* nodesOf(child, isSkipped);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}
