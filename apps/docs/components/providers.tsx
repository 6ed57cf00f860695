"use client";

import { RootProvider } from "fumadocs-ui/provider/next";
import { lazy, type ReactNode } from "react";

// The dialog is loaded when it opens.
const SearchDialog = lazy(() => import("./search-dialog.tsx"));

export function Providers({ children }: { children: ReactNode }) {
  return (
    // A single letter as a shortcut disturbs people who speak to their computer (WCAG 2.1.4).
    <RootProvider search={{ SearchDialog, preload: false }} theme={{ hotKey: false }}>
      {children}
    </RootProvider>
  );
}
