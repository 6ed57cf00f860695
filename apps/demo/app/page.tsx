import { Suspense } from "react";
import { HowItWorks, HowItWorksPlace } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import { EventLogCard } from "@/features/event-log/event-log-card";
import eventStream from "@/features/event-log/event-stream.ts?raw";
import { PublishCard, PublishCardPlace, TriggerCard } from "@/features/publish/publish-card";
import busFile from "@/lib/sse-bus.ts?raw";
import publishRoute from "./api/publish/route.ts?raw";
import streamRoute from "./api/sse/route.ts?raw";

const excerpts = [
  { file: "lib/sse-bus.ts", source: busFile },
  { file: "app/api/sse/route.ts", source: streamRoute },
  { file: "app/api/publish/route.ts", source: publishRoute },
  { file: "features/event-log/event-stream.ts", source: eventStream, region: "open" },
];

export default function Page() {
  return (
    <>
      <PageIntro title="Watch messages arrive as they are published">
        This page reads <Code>/api/sse</Code> with the browser’s own <Code>EventSource</Code>. The
        log shows each message immediately, wherever it was published.
      </PageIntro>
      <div className="grid grid-cols-1 items-start gap-6 lg:grid-cols-[22rem_minmax(0,1fr)] lg:grid-rows-[auto_1fr]">
        <Suspense fallback={<PublishCardPlace />}>
          <PublishCard />
        </Suspense>
        <div className="lg:col-start-2 lg:row-span-2">
          <EventLogCard url="/api/sse" />
        </div>
        <Suspense>
          <TriggerCard />
        </Suspense>
      </div>
      {/* React sends the content of a boundary later if the page before it is large. The form, which works
          without JavaScript, must not be later. */}
      <Suspense fallback={<HowItWorksPlace />}>
        <HowItWorks excerpts={excerpts}>
          Each server process has one bus. The stream route sends its messages to browsers, and the
          publish route adds messages over HTTP. When a connection is lost, <Code>EventSource</Code>{" "}
          reconnects and sends the last id that it received; the server continues after that id.
        </HowItWorks>
      </Suspense>
    </>
  );
}
