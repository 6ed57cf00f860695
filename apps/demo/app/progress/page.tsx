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
      title="Progress of long jobs, live"
      intro={
        <>
          A task, an upload and a build, all running on the server. Reload, open another window, or
          return later: every window shows the same state.
        </>
      }
      place="h-[1406px] sm:h-[1301px] lg:h-[995px]"
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
          <Code>tasks.run</Code> publishes the state of a task: a page that keeps up receives each
          progress, a page that loads later receives the newest. Lines of its log are never skipped.{" "}
          <Code>tasks.cancel</Code> reaches the instance that runs the task. A task whose server
          dies is shown as lost, in every window.
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
