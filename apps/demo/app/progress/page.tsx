import type { Metadata } from "next";
import { connection } from "next/server";
import { UsePage } from "@/components/site/use-page";
import { Code } from "@/components/ui/code";
import build from "@/features/progress/build.ts?raw";
import { buildId } from "@/features/progress/job";
import { ProgressBoard } from "@/features/progress/progress-board";
import progressBoard from "@/features/progress/progress-board.tsx?raw";
import receiving from "@/features/progress/receive-upload.ts?raw";
import { tasks } from "@/features/progress/server";
import server from "@/features/progress/server.ts?raw";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Progress" };

export default function Page() {
  return (
    <UsePage
      title="Follow tasks, uploads and builds as they run"
      intro={
        <>
          They run on the server, and every window shows the same progress. Reload, open a second
          window, or return later.
        </>
      }
      place="h-[1485px] sm:h-[1413px] lg:h-[946px]"
      excerpts={[
        { file: "features/progress/server.ts", source: server },
        { file: "features/progress/build.ts", source: build },
        { file: "features/progress/receive-upload.ts", source: receiving },
        { file: "app/progress/page.tsx", source: page, region: "page" },
        {
          file: "features/progress/progress-board.tsx",
          source: progressBoard,
          region: "subscribe",
        },
      ]}
      how={
        <>
          <Code>tasks.run</Code> publishes the progress of a task. An open page receives each
          report, and a page that loads later starts with the newest; no line of the task’s log is
          skipped. <Code>tasks.cancel</Code> reaches the instance that runs the task. If that
          instance dies, every window shows the task as lost.
        </>
      }
    >
      <Board />
    </UsePage>
  );
}

// #region how page
async function Board() {
  await connection();
  const [list, checks] = await Promise.all([tasks.list(), tasks.read(buildId)]);
  return <ProgressBoard list={list} build={checks} />;
}
// #endregion
