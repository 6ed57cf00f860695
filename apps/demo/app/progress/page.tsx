import type { Metadata } from "next";
import { connection } from "next/server";
import { Suspense } from "react";
import { HowItWorks } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import build from "@/features/progress/build.ts?raw";
import { ProgressBoard } from "@/features/progress/progress-board";
import progressBoard from "@/features/progress/progress-board.tsx?raw";
import receiving from "@/features/progress/receive-upload.ts?raw";
import { loadBuildLines, loadJobs } from "@/features/progress/server";
import server from "@/features/progress/server.ts?raw";
import { bus } from "@/lib/sse-bus";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Progress" };

export default function Page() {
  return (
    <>
      <PageIntro title="Progress of long jobs, live">
        A task, an upload and a build, all running on the server. Reload, open another window, or
        return later: every window shows the same state.
      </PageIntro>
      <Suspense fallback={<BoardPlace />}>
        <Board />
      </Suspense>
      <HowItWorks
        excerpts={[
          { file: "features/progress/server.ts", source: server, region: "publish" },
          { file: "features/progress/receive-upload.ts", source: receiving, region: "upload" },
          { file: "features/progress/build.ts", source: build, region: "build" },
          { file: "app/progress/page.tsx", source: page },
          {
            file: "features/progress/progress-board.tsx",
            source: progressBoard,
            region: "subscribe",
          },
        ]}
      >
        All states of a job share one <Code>key</Code>: a page that keeps up receives each state, a
        page that loads later receives the newest. The lines of a build have no key, so none is
        skipped. A cancellation is a message too, so it reaches the instance that runs the job.
      </HowItWorks>
    </>
  );
}

/** Reserves the board's fixed height, so that nothing moves when the board loads. */
function BoardPlace() {
  return (
    <div className="h-[1406px] rounded-xl border border-line bg-surface sm:h-[1301px] lg:h-[995px]" />
  );
}

// #region how
async function Board() {
  await connection();
  const cursor = await bus.cursor();
  const [jobs, lines] = await Promise.all([loadJobs(), loadBuildLines()]);
  return <ProgressBoard jobs={jobs} lines={lines} cursor={cursor} />;
}
// #endregion
