import type { Metadata } from "next";
import { headers } from "next/headers";
import { UsePage } from "@/components/site/use-page";
import { Code } from "@/components/ui/code";
import { entries } from "@/features/notifications/live";
import live from "@/features/notifications/live.ts?raw";
import { NotificationsBoard } from "@/features/notifications/notifications-board";
import notificationsBoard from "@/features/notifications/notifications-board.tsx?raw";
import server from "@/features/notifications/server.ts?raw";
import unreadReader from "@/features/notifications/unread-reader.ts?raw";
import membersHook from "@/features/notifications/use-members.ts?raw";
import { bus } from "@/lib/sse-bus";
import { visitorOf } from "@/features/notifications/identity";
import streamRoute from "../api/notifications/route.ts?raw";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Notifications" };

export default function Page() {
  return (
    <UsePage
      title="Send messages and alerts to every open window"
      intro={
        <>
          A chat, alerts, and who is here. Open a second window and write a message: both windows
          show it. The count of unread messages survives a reload.
        </>
      }
      place="h-[1589px] sm:h-[1513px] lg:h-[951px]"
      excerpts={[
        { file: "features/notifications/live.ts", source: live },
        { file: "features/notifications/server.ts", source: server },
        { file: "app/notifications/page.tsx", source: page, region: "page" },
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
        { file: "app/api/notifications/route.ts", source: streamRoute },
        {
          file: "features/notifications/use-members.ts",
          source: membersHook,
          region: "presence",
        },
      ]}
      how={
        <>
          Messages and alerts share one channel, so they have one order, and one cursor marks what a
          browser has read. The page keeps that cursor in <Code>localStorage</Code>. The next visit
          resumes from it, and the bus delivers what was missed, or reports a gap. A cookie
          identifies the visitor of each stream, and <Code>usePresence</Code> shows who is here and
          who is typing. Names are not verified, because there is no sign-in.
        </>
      }
    >
      <Board />
    </UsePage>
  );
}

// #region how page
async function Board() {
  const { id = "", name = "" } = visitorOf(await headers()) ?? {};
  const [log, members] = await Promise.all([
    entries.read(bus),
    bus.presence(entries.channel).list(),
  ]);
  return <NotificationsBoard log={log} members={members} visitor={{ person: id, name }} />;
}
// #endregion
