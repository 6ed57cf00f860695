import { DocsLayout } from "fumadocs-ui/layouts/docs";
import type { ReactNode } from "react";
import { layoutOptions } from "@/components/layout-options.tsx";
import { pageTree } from "@/lib/tree.ts";

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <DocsLayout tree={pageTree()} sidebar={{ prefetch: false }} {...layoutOptions()}>
      {children}
    </DocsLayout>
  );
}
