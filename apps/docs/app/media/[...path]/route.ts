import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isPicture, linkResolver } from "@/lib/links.ts";
import { readPages } from "@/lib/pages.ts";
import { repository } from "@/lib/repository.ts";

export const dynamic = "force-static";
export const dynamicParams = false;

interface Context {
  readonly params: Promise<{ path: string[] }>;
}

/** The pictures that the pages show. */
export async function GET(_request: Request, { params }: Context): Promise<Response> {
  const file = join(repository, ...(await params).path);
  return new Response(new Uint8Array(await readFile(file)));
}

export function generateStaticParams(): { path: string[] }[] {
  const resolve = linkResolver();
  const pictures = readPages().flatMap((page) =>
    page.links.flatMap(({ href }) => {
      const target = resolve(page.file, href);
      return target.kind === "file" && isPicture(target.file) ? [target.file] : [];
    }),
  );
  return [...new Set(pictures)].map((file) => ({ path: file.split("/") }));
}
