"use client";

import { useEffect, useState } from "react";
import { Button } from "./button";

const shownMs = 2_000;
const words = { idle: "Copy", copied: "Copied", failed: "Not allowed" };

export function CopyButton({ text }: { text: string }) {
  const [state, setState] = useState<keyof typeof words>("idle");

  useEffect(() => {
    if (state === "idle") return undefined;
    const timer = setTimeout(() => setState("idle"), shownMs);
    return () => clearTimeout(timer);
  }, [state]);

  // `navigator.clipboard` is missing outside secure contexts (http on a LAN address).
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      setState("failed");
    }
  };

  return (
    <Button small variant="quiet" className="min-w-18" onClick={() => void copy()}>
      <span aria-live="polite">{words[state]}</span>
    </Button>
  );
}
