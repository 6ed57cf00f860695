"use client";

import { Button } from "@/components/ui/button";
import { NoticePage } from "@/components/ui/notice-page";

interface ErrorPageProps {
  error: unknown;
  retry: () => void;
}

export default function ErrorPage({ error, retry }: ErrorPageProps) {
  const digest = error instanceof Error && "digest" in error ? String(error.digest) : undefined;
  return (
    <NoticePage title="This page failed">
      <p className="text-muted">
        {digest === undefined
          ? "The browser’s console has the details."
          : `The server’s log has the details under ${digest}.`}
      </p>
      <Button onClick={retry}>Try again</Button>
    </NoticePage>
  );
}
