import type { BaseLayoutProps } from "fumadocs-ui/layouts/shared";
import { repositoryAddress } from "@/lib/repository.ts";
import { Wordmark } from "./wordmark.tsx";

/** What the header is made of, on the home page and on the pages below `/docs`. */
export function layoutOptions(): BaseLayoutProps {
  return {
    nav: { title: <Wordmark /> },
    links: [
      {
        type: "icon",
        text: "GitHub",
        label: "GitHub",
        icon: <GitHubMark />,
        url: repositoryAddress(),
        external: true,
      },
    ],
  };
}

function GitHubMark() {
  return (
    <svg viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
      <path d="M8 0a8 8 0 0 0-2.53 15.59c.4.07.55-.17.55-.38v-1.49c-2.23.48-2.7-.94-2.7-.94-.36-.93-.89-1.17-.89-1.17-.73-.5.05-.49.05-.49.8.06 1.23.83 1.23.83.72 1.22 1.87.87 2.33.66.07-.52.28-.87.51-1.07-1.78-.2-3.64-.89-3.64-3.95 0-.88.31-1.59.82-2.15-.08-.2-.36-1.02.08-2.12 0 0 .67-.22 2.2.82a7.6 7.6 0 0 1 4 0c1.53-1.04 2.2-.82 2.2-.82.44 1.1.16 1.92.08 2.12.51.56.82 1.27.82 2.15 0 3.07-1.87 3.75-3.65 3.95.29.25.54.73.54 1.48v2.2c0 .21.15.46.55.38A8 8 0 0 0 8 0Z" />
    </svg>
  );
}
