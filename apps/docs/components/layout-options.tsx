import type { BaseLayoutProps } from "fumadocs-ui/layouts/shared";
import { repositoryAddress } from "@/lib/repository.ts";
import { Wordmark } from "./wordmark.tsx";

/** What the header is made of, on the home page and on the pages below `/docs`. */
export function layoutOptions(): BaseLayoutProps {
  return { nav: { title: <Wordmark /> }, githubUrl: repositoryAddress() };
}
