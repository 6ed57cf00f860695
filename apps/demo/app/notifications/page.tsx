import type { Metadata } from "next";
import { connection } from "next/server";
import { Suspense } from "react";
import { HowItWorks } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import { NotificationsBoard } from "@/features/notifications/notifications-board";
import notificationsBoard from "@/features/notifications/notifications-board.tsx?raw";
import { loadEntries, loadPresence } from "@/features/notifications/server";
import server from "@/features/notifications/server.ts?raw";
import unreadReader from "@/features/notifications/unread-reader.ts?raw";
import { bus } from "@/lib/sse-bus";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Notifications" };

export default function Page() {
  return (
    <>
      <PageIntro title="Notifications in every window">
        Alerts, a chat and presence. Open a second window and write a message: both windows show it,
        and the unread count survives a reload.
      </PageIntro>
      <Suspense fallback={<BoardPlace />}>
        <Board />
      </Suspense>
      <HowItWorks
        excerpts={[
          { file: "features/notifications/server.ts", source: server, region: "publish" },
          { file: "app/notifications/page.tsx", source: page },
          {
            file: "features/notifications/notifications-board.tsx",
            source: notificationsBoard,
            region: "subscribe",
          },
          {
            file: "features/notifications/unread-reader.ts",
            source: unreadReader,
            region: "unread",
          },
        ]}
      >
        All entries go through one channel, so they have one order, and one cursor marks what a
        browser has read. That cursor is kept in <Code>localStorage</Code>: the next visit resumes
        from it, and the bus delivers what was missed, or reports a gap. Presence is one message per
        window with a <Code>key</Code>; it expires by the server’s clock. Names are not verified:
        there is no sign-in.
      </HowItWorks>
    </>
  );
}

/** Reserves the board's fixed height, so that nothing moves when the board loads. */
function BoardPlace() {
  return (
    <div className="h-[1900px] rounded-xl border border-line bg-surface sm:h-[1848px] md:h-[1828px] lg:h-[1191px] xl:h-[1139px]" />
  );
}

// #region how
async function Board() {
  await connection();
  const cursor = await bus.cursor();
  const [entries, presence] = await Promise.all([loadEntries(), loadPresence()]);
  return (
    <NotificationsBoard
      entries={entries}
      presence={presence}
      cursor={cursor}
      renderedAt={Date.now()}
    />
  );
}
// #endregion
