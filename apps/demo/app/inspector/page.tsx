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
import { snapshots, takeSnapshot } from "@/features/inspector/server";
import server from "@/features/inspector/server.ts?raw";
import { lookAt } from "@/lib/while-watched";

export const metadata: Metadata = { title: "Inspector", robots: "noindex" };

export default async function Page() {
  // Before anything is sent: a page that has begun cannot be a 404 any more.
  if (!(await mayInspect())) notFound();
  lookAt("inspector/");
  const cursor = await snapshots().cursor();
  return (
    <>
      <PageIntro title="Inside the bus">
        Every open stream, how far it is behind and what is kept for it. Break this page’s own
        stream, and see what it is promised.
      </PageIntro>
      <Inspector demo={randomUUID()} initial={takeSnapshot()} cursor={cursor} />
      <HowItWorks
        excerpts={[
          { file: "features/inspector/server.ts", source: server, region: "snapshot" },
          { file: "features/inspector/inspector.tsx", source: inspector, region: "subscribe" },
          { file: "features/inspector/demo-server.ts", source: demoServer, region: "stall" },
        ]}
      >
        <Code>inspectBus(bus)</Code> gives a moment of the bus as plain JSON. While somebody looks,
        each instance publishes one a second, to a log of its own that only this page’s route
        serves. The demo is a stream of the bus like any other, numbered by its server: the page
        counts what is missing by itself.
      </HowItWorks>
    </>
  );
}
