import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { DocsBody, MarkdownCopyButton } from "fumadocs-ui/layouts/docs/page";
import { DocsPage } from "@/components/docs-page.tsx";
import { markdownAddress } from "@/lib/llms.ts";
import { type Page, readPages } from "@/lib/pages.ts";
import { Markdown } from "@/lib/render.tsx";
import { sourceAddress } from "@/lib/repository.ts";

interface Props {
  readonly params: Promise<{ slug?: string[] }>;
}

export default async function DocumentPage({ params }: Props) {
  const page = await findPage(params);
  // The page's own title is not part of its contents.
  const toc = page.headings
    .filter(({ depth }) => depth === 2 || depth === 3)
    .map(({ depth, title, anchor }) => ({ depth, title, url: `#${anchor}` }));
  return (
    <DocsPage toc={toc}>
      <p className="section-label">{page.section}</p>
      <DocsBody>
        <Markdown file={page.file} markdown={page.markdown} />
      </DocsBody>
      <div className="page-actions">
        <MarkdownCopyButton markdownUrl={markdownAddress(page)} />
        {isInRepository(page) && <a href={sourceAddress(page.file)}>View this page on GitHub</a>}
      </div>
    </DocsPage>
  );
}

export function generateStaticParams(): { slug: string[] }[] {
  return readPages().map(({ address }) => ({ slug: address.split("/").slice(2) }));
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { file, label, title, description } = await findPage(params);
  return { title: file === "README.md" ? label : title, description };
}

async function findPage(params: Props["params"]): Promise<Page> {
  const { slug = [] } = await params;
  const address = ["/docs", ...slug].join("/");
  return readPages().find((page) => page.address === address) ?? notFound();
}

function isInRepository({ file, path }: Page): boolean {
  return path?.endsWith(`/${file}`) ?? false;
}
