import type { Metadata } from "next";
import { connection } from "next/server";
import { Suspense } from "react";
import { HowItWorks } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import appLog from "@/features/system/app-log.ts?raw";
import { loadLines, loadSamples } from "@/features/system/server";
import server from "@/features/system/server.ts?raw";
import { SystemMonitor } from "@/features/system/system-monitor";
import systemMonitor from "@/features/system/system-monitor.tsx?raw";
import { bus } from "@/lib/sse-bus";
import { expectReaders } from "@/lib/while-watched";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "System" };

export default function Page() {
  return (
    <>
      <PageIntro title="This machine, once per second">
        Live measurements of the server that sent this page, and the lines it writes to its console.
        It measures only while this page is open.
      </PageIntro>
      <Suspense fallback={<div className="h-320 rounded-xl border border-line bg-surface" />}>
        <Monitor />
      </Suspense>
      <HowItWorks
        excerpts={[
          { file: "features/system/server.ts", source: server, region: "publish" },
          { file: "app/system/page.tsx", source: page },
          {
            file: "features/system/system-monitor.tsx",
            source: systemMonitor,
            region: "subscribe",
          },
          { file: "features/system/app-log.ts", source: appLog, region: "log" },
        ]}
      >
        A timer publishes one sample per second. The page takes the bus’s cursor <em>before</em> it
        loads the last two minutes, and the hook starts from that cursor, so nothing between the
        render and the connect is missed. Both lists are folded from the channel’s history, so they
        are the same on every instance. After a gap, <Code>onGap</Code> reloads the page’s data.
      </HowItWorks>
    </>
  );
}

// #region how
async function Monitor() {
  await connection();
  expectReaders("system/");
  const cursor = await bus.cursor();
  const [samples, lines] = await Promise.all([loadSamples(), loadLines()]);
  return <SystemMonitor samples={samples} lines={lines} cursor={cursor} />;
}
// #endregion
