import { Suspense } from "react";
import { Code } from "@/components/ui/code";
import { EventLogCard } from "@/features/event-log/event-log-card";
import { PublishCard, PublishCardPlace } from "@/features/publish/publish-card";

export default function Page() {
  return (
    <>
      <h1 className="max-w-2xl text-3xl font-semibold tracking-tight text-balance sm:text-4xl">
        Publish anywhere. See it here immediately.
      </h1>
      <p className="mt-3 max-w-2xl text-base/7 text-pretty text-muted">
        This page reads <Code>/api/sse</Code> with the browser’s own <Code>EventSource</Code>. Every
        message that you send to <Code>/api/publish</Code>, from this page, another tab or a
        terminal, appears in the log immediately.
      </p>
      <div className="mt-8 grid items-start gap-6 lg:grid-cols-[22rem_minmax(0,1fr)]">
        <Suspense fallback={<PublishCardPlace />}>
          <PublishCard />
        </Suspense>
        <EventLogCard url="/api/sse" />
      </div>
    </>
  );
}
