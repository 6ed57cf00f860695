import { randomUUID } from "node:crypto";
import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { HowItWorks } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import { mayInspect } from "@/features/inspector/access";
import demoServer from "@/features/inspector/demo-server.ts?raw";
import { Inspector } from "@/features/inspector/inspector";
import inspector from "@/features/inspector/inspector.tsx?raw";
import { takeSnapshot } from "@/features/inspector/server";
import server from "@/features/inspector/server.ts?raw";
import { internalBus } from "@/lib/internal-bus";

export const metadata: Metadata = { title: "Inspector", robots: "noindex" };

export default async function Page() {
  // Before the first byte: a page that has started to stream cannot become a 404.
  if (!(await mayInspect())) notFound();
  const { data: initial, cursor } = await internalBus().snapshot(takeSnapshot);
  return (
    <>
      <PageIntro title="Inside the bus">
        Every open stream, its lag, and the history it reads from. Disturb this page’s own stream,
        and see that the guarantees hold.
      </PageIntro>
      <Inspector demo={randomUUID()} initial={initial} cursor={cursor} />
      <HowItWorks
        excerpts={[
          { file: "features/inspector/server.ts", source: server, region: "snapshot" },
          { file: "features/inspector/inspector.tsx", source: inspector, region: "subscribe" },
          { file: "features/inspector/demo-server.ts", source: demoServer, region: "stall" },
        ]}
      >
        <Code>inspectBus(bus)</Code> returns a snapshot of the bus as plain JSON. While this page is
        open, each instance publishes one per second, on a separate bus that only this page’s route
        serves. The demo is an ordinary stream of the bus with numbered messages, so that the page
        can count what is missing.
      </HowItWorks>
    </>
  );
}
