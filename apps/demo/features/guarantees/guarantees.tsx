"use client";

import { SseProvider } from "sse-bus/react";
import { DemoCard } from "./demo-card";

/** The page's demo stream, and the channel on which its server reports how the stream is. */
export function Guarantees({ id }: { id: string }) {
  return (
    <SseProvider>
      <DemoCard id={id} />
    </SseProvider>
  );
}
