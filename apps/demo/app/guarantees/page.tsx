import { randomUUID } from "node:crypto";
import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { isPublishingOpen } from "sse-bus/next";
import { HowItWorks } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import demoCard from "@/features/guarantees/demo-card.tsx?raw";
import demoServer from "@/features/guarantees/demo-server.ts?raw";
import { Guarantees } from "@/features/guarantees/guarantees";

export const metadata: Metadata = { title: "Guarantees", robots: "noindex" };

export default async function Page() {
  await connection();
  // Before the first byte: a page that has started to stream cannot become a 404.
  if (!isPublishingOpen()) notFound();
  return (
    <>
      <PageIntro title="What a disturbed stream receives">
        Cut, stall, evict or drain this page’s own stream, and see that it loses nothing without a
        report.
      </PageIntro>
      <Guarantees id={randomUUID()} />
      <HowItWorks
        excerpts={[
          { file: "features/guarantees/demo-server.ts", source: demoServer, region: "stall" },
          { file: "features/guarantees/demo-server.ts", source: demoServer, region: "view" },
          { file: "features/guarantees/demo-card.tsx", source: demoCard, region: "count" },
        ]}
      >
        The stream is an ordinary one of the bus, with numbered messages, so that the page can count
        what is missing. <Code>inspectBus(bus)</Code> tells its lag on the server. The package’s
        inspector shows the same for every stream.
      </HowItWorks>
    </>
  );
}
