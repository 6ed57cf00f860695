import type { Metadata } from "next";
import { connection } from "next/server";
import { Suspense } from "react";
import { HowItWorks } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import { Dashboard } from "@/features/dashboard/dashboard";
import feed from "@/features/dashboard/feed.ts?raw";
import reader from "@/features/dashboard/reader.tsx?raw";
import { loadReadings, sensors } from "@/features/dashboard/server";
import server from "@/features/dashboard/server.ts?raw";
import { bus } from "@/lib/sse-bus";
import { expectReaders } from "@/lib/while-watched";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Dashboard" };

export default function Page() {
  return (
    <>
      <PageIntro title="Forty sensors, up to 2,000 updates per second">
        A replay of a busy Linux machine’s counters, and two live sensors of this server. A page
        that falls behind receives each sensor’s newest value, never the backlog.
      </PageIntro>
      <Suspense fallback={<div className="h-480 rounded-xl border border-line bg-surface" />}>
        <LiveDashboard />
      </Suspense>
      <HowItWorks
        excerpts={[
          { file: "features/dashboard/feed.ts", source: feed, region: "feed" },
          { file: "features/dashboard/server.ts", source: server, region: "publish" },
          { file: "app/dashboard/page.tsx", source: page },
          { file: "features/dashboard/reader.tsx", source: reader, region: "subscribe" },
        ]}
      >
        Every reading carries its sensor as <Code>key</Code>, so a newer reading supersedes the
        older one: a page that is behind skips superseded readings, and a new page starts from what
        the channel keeps. The page takes its cursor before it loads that snapshot. On the page, a
        reading costs a few assignments; changes are painted once per frame.
      </HowItWorks>
    </>
  );
}

// #region how
async function LiveDashboard() {
  await connection();
  expectReaders("dashboard/");
  const cursor = await bus.cursor();
  const readings = Object.values(await loadReadings());
  return <Dashboard sensors={sensors} readings={readings} cursor={cursor} />;
}
// #endregion
