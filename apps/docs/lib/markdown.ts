import GithubSlugger from "github-slugger";
import type { Root } from "mdast";
import { toString } from "mdast-util-to-string";
import { remark } from "remark";
import remarkGfm from "remark-gfm";
import { visit } from "unist-util-visit";

export interface Heading {
  readonly depth: number;
  readonly title: string;
  /** The anchor, which is the same on GitHub and on the site. */
  readonly anchor: string;
}

export interface Link {
  readonly href: string;
  readonly line: number;
}

/** What the site and the checks need to know about a Markdown file. */
export interface Outline {
  readonly title: string;
  /** The first paragraph as plain text, at most two sentences of it. */
  readonly description: string;
  readonly headings: readonly Heading[];
  /** Links and pictures, in Markdown and in HTML. */
  readonly links: readonly Link[];
}

const parser = remark().use(remarkGfm);

export function outlineOf(markdown: string): Outline {
  const tree: Root = parser.parse(markdown);
  const slugger = new GithubSlugger();
  const headings: Heading[] = [];
  const links: Link[] = [];
  visit(tree, (node) => {
    const line = node.position?.start.line ?? 0;
    if (node.type === "heading") {
      const title = toString(node);
      headings.push({ depth: node.depth, title, anchor: slugger.slug(title) });
    } else if (node.type === "link" || node.type === "image" || node.type === "definition") {
      links.push({ href: node.url, line });
    } else if (node.type === "html") {
      for (const [, href = ""] of node.value.matchAll(/\b(?:href|src|srcset)="([^"]+)"/g)) {
        links.push({ href, line });
      }
    }
  });
  const first = tree.children.find(({ type }) => type === "paragraph");
  return {
    title: headings.find(({ depth }) => depth === 1)?.title ?? "",
    description: first === undefined ? "" : firstSentences(toString(first)),
    headings,
    links,
  };
}

/** A code block, and what the comment directly before it says about it. */
export interface Snippet {
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** `from PATH`, `run by TEST`, `not checked: REASON`, or nothing. */
  readonly mark: string;
}

export function snippetsOf(markdown: string): Snippet[] {
  const snippets: Snippet[] = [];
  visit(parser.parse(markdown), "code", (node, index, parent) => {
    const before = index === undefined ? undefined : parent?.children[index - 1];
    const comment = before?.type === "html" ? /^<!--([^]*?)-->$/.exec(before.value.trim()) : null;
    snippets.push({
      line: node.position?.start.line ?? 0,
      language: node.lang ?? "",
      code: node.value,
      mark: comment?.[1]?.trim() ?? "",
    });
  });
  return snippets;
}

/** Comments are for the checks and for GitHub's editors: readers and models do not need them. */
export function withoutComments(markdown: string): string {
  return markdown.replaceAll(/^<!--[^]*?-->\n+/gm, "");
}

function firstSentences(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  const sentences = line.split(/(?<=[.!?]) (?=[A-Z`])/);
  const [one = "", two] = sentences;
  return two !== undefined && one.length + two.length < 160 ? `${one} ${two}` : one;
}
