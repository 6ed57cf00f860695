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
      <PageIntro title="What takes its time, told as it goes">
        A task, an upload, a build: all real, all on the server. Reload, open another window, come
        back later: every window shows the same.
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
        A job’s states share one <Code>key</Code>: who watches sees each, who comes late or reloads
        gets the newest. The lines of a build have no key, so none is ever left out. A cancellation
        is a message too, so it reaches the job on whichever instance it runs.
      </HowItWorks>
    </>
  );
}

/** As high as the board, which never changes its height: what stands below does not move either. */
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
