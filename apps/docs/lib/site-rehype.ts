import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Element, Root } from "hast";
import { imageSize } from "image-size";
import { visit } from "unist-util-visit";
import { hrefOf, linkResolver } from "./links.ts";
import { repository } from "./repository.ts";

interface Options {
  /** The Markdown file, relative to the repository. */
  readonly file: string;
}

/** Makes links and pictures of the repository work on the site. */
export function rehypeSite({ file }: Options): (tree: Root) => void {
  const resolve = linkResolver();
  return (tree) => {
    visit(tree, "element", (node: Element) => {
      const { href, src } = node.properties;
      if (node.tagName === "a" && typeof href === "string") {
        node.properties.href = hrefOf(resolve(file, href));
      }
      if (node.tagName === "img" && typeof src === "string") placePicture(node, resolve(file, src));
    });
  };
}

/** Names the code blocks: each is a region that the keyboard can scroll. */
export function rehypeLabels({ name }: { readonly name: string }): (tree: Root) => void {
  return (tree) => {
    let blocks = 0;
    visit(tree, "element", (node: Element) => {
      if (node.tagName === "pre") node.properties["aria-label"] = `${name} ${++blocks}`;
    });
  };
}

/** With its size, the page does not shift when the picture arrives. */
function placePicture(node: Element, target: ReturnType<ReturnType<typeof linkResolver>>): void {
  node.properties.src = hrefOf(target);
  node.properties.loading = "lazy";
  node.properties.decoding = "async";
  if (target.kind !== "file") return;
  const { width, height } = imageSize(readFileSync(join(repository, target.file)));
  const given = node.properties.width;
  if (typeof given === "string" && given.endsWith("%")) node.properties.style = `width:${given}`;
  node.properties.width = width;
  node.properties.height = height;
}
