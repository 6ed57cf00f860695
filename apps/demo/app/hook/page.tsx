import type { Metadata } from "next";
import { connection } from "next/server";
import { Suspense } from "react";
import { Code } from "@/components/ui/code";
import { HookLog } from "@/features/hook-log/hook-log";
import { bus } from "@/lib/sse-bus";

export const metadata: Metadata = { title: "The hook" };

export default function Page() {
  return (
    <>
      <h1 className="text-3xl font-semibold tracking-tight text-balance sm:text-4xl">
        The same log, through the hook
      </h1>
      <p className="mt-3 mb-8 max-w-2xl text-base/7 text-pretty text-muted">
        The server calls <Code>await bus.cursor()</Code> before it renders, and{" "}
        <Code>useChannel</Code> connects from that cursor, so no message in between is missed. All
        tabs of this browser share one connection.
      </p>
      <Suspense fallback={<div className="h-128 rounded-xl border border-line bg-surface" />}>
        <LogFromHere />
      </Suspense>
    </>
  );
}

async function LogFromHere() {
  await connection();
  const cursor = await bus.cursor();
  return <HookLog cursor={cursor} />;
}
