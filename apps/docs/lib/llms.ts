import { withoutComments } from "./markdown.ts";
import { addressOf, readNavigation } from "./navigation.ts";
import { type Page, readPages } from "./pages.ts";

/** The address of a page's Markdown, for programs. */
export function markdownAddress({ file }: { readonly file: string }): string {
  return `/md${addressOf(file)}.md`;
}

/** `llms.txt` (llmstxt.org): every page with its description, by section. */
export function llmsIndex(): string {
  const pages = readPages();
  const sections = readNavigation().map(({ title }) => {
    const lines = pages
      .filter(({ section }) => section === title)
      .map((page) => `- [${page.title}](${markdownAddress(page)}): ${page.description}`);
    return `## ${title}\n\n${lines.join("\n")}\n`;
  });
  return `# sse-bus\n\n> ${pages[0]?.description ?? ""}\n\nThe full text of all pages: [llms-full.txt](/llms-full.txt)\n\n${sections.join("\n")}`;
}

/** `llms-full.txt`: the text of every page. */
export function llmsFull(): string {
  return readPages().map(markdownOf).join("\n\n");
}

/** A page's Markdown with its address, without comments. */
export function markdownOf(page: Page): string {
  return `<!-- ${page.address} -->\n\n${withoutComments(page.markdown)}`;
}
