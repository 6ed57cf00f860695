import { markdownAddress, markdownOf } from "@/lib/llms.ts";
import { readPages } from "@/lib/pages.ts";

export const dynamic = "force-static";
export const dynamicParams = false;

interface Context {
  readonly params: Promise<{ path: string[] }>;
}

/** The Markdown of each page, which llms.txt names. */
export async function GET(_request: Request, { params }: Context): Promise<Response> {
  const address = `/md/${(await params).path.join("/")}`;
  const page = readPages().find((each) => markdownAddress(each) === address);
  return page === undefined
    ? new Response(null, { status: 404 })
    : new Response(markdownOf(page), { headers: { "content-type": "text/markdown" } });
}

export function generateStaticParams(): { path: string[] }[] {
  return readPages().map((page) => ({ path: markdownAddress(page).split("/").slice(2) }));
}
