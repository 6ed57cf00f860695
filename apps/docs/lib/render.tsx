import { createMarkdownRenderer } from "fumadocs-core/content/md";
import {
  rehypeCode,
  type RehypeCodeOptions,
  remarkGfm,
  remarkHeading,
} from "fumadocs-core/mdx-plugins";
import { CodeBlock, Pre } from "fumadocs-ui/components/codeblock";
import defaultComponents from "fumadocs-ui/mdx";
import type { ComponentProps, ComponentPropsWithoutRef, ReactNode } from "react";
import rehypeRaw from "rehype-raw";
import { rehypeLabels, rehypeSite } from "./site-rehype.ts";

const codeOptions: RehypeCodeOptions = {
  themes: { light: "github-light-default", dark: "github-dark-default" },
  defaultLanguage: "text",
  fallbackLanguage: "text",
  icon: false,
};

interface Source {
  /** The Markdown file, relative to the repository: its links are relative to it. */
  readonly file: string;
  readonly markdown: string;
  /** What assistive technology calls the code blocks, before their number. @default "Code" */
  readonly codeName?: string;
}

/** Markdown with highlighted code, made at build time. */
export function Markdown({ file, markdown, codeName = "Code" }: Source): ReactNode {
  const { MarkdownServer } = createMarkdownRenderer({
    remarkPlugins: [remarkGfm, [remarkHeading, { customId: false }]],
    remarkRehypeOptions: { allowDangerousHtml: true },
    rehypePlugins: [
      rehypeRaw,
      [rehypeSite, { file }],
      [rehypeCode, codeOptions],
      [rehypeLabels, { name: codeName }],
    ],
  });
  return <MarkdownServer components={components}>{markdown}</MarkdownServer>;
}

const components = {
  ...defaultComponents,
  // The files are exported as they are; their sizes come from `rehypeSite`.
  // oxlint-disable-next-line nextjs/no-img-element
  img: (props: ComponentProps<"img">) => <img alt="" {...props} />,
  table: (props: ComponentProps<"table">) => (
    // Focusable, so that the keyboard can scroll a wide table.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex, jsx-a11y/prefer-tag-over-role
    <div className="table-scroll prose-no-margin" tabIndex={0} role="group" aria-label="Table">
      <table {...props} />
    </div>
  ),
  // A header without text is an empty corner.
  th: ({ children, ...props }: ComponentProps<"th">) =>
    children === undefined ? <td {...props} /> : <th {...props}>{children}</th>,
  pre: ({ "aria-label": label, children, ...props }: ComponentPropsWithoutRef<"pre">) => (
    <CodeBlock {...props} viewportProps={{ "aria-label": label }}>
      <Pre>{children}</Pre>
    </CodeBlock>
  ),
};
