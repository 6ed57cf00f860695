"use client";

import { Button } from "../ui/button";
import { toggleTheme } from "./theme";

export function ThemeToggle() {
  return (
    <Button
      variant="quiet"
      square
      aria-label="Switch between light and dark"
      title="Switch between light and dark"
      onClick={toggleTheme}
    >
      <svg viewBox="0 0 20 20" className="size-4" aria-hidden="true">
        <circle cx="10" cy="10" r="7.25" fill="none" stroke="currentColor" strokeWidth="1.5" />
        <path d="M10 2.75a7.25 7.25 0 0 1 0 14.5z" fill="currentColor" />
      </svg>
    </Button>
  );
}
