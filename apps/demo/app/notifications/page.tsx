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
      title="Notifications in every window"
      intro={
        <>
          Alerts, a chat and presence. Open a second window and write a message: both windows show
          it, and the unread count survives a reload.
        </>
      }
      place="h-[1900px] sm:h-[1848px] md:h-[1828px] lg:h-[1191px] xl:h-[1139px]"
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
          All entries go through one channel, so they have one order, and one cursor marks what a
          browser has read. That cursor is kept in <Code>localStorage</Code>: the next visit resumes
          from it, and the bus delivers what was missed, or reports a gap. Presence follows the open
          streams: a cookie identifies the visitor of a stream, and <Code>usePresence</Code> shows
          who is here and who is typing. Names are not verified: there is no sign-in.
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
