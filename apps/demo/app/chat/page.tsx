import type { Metadata } from "next";
import { headers } from "next/headers";
import { UsePage } from "@/components/site/use-page";
import { Code } from "@/components/ui/code";
import { chatBus } from "@/features/chat/bus";
import { ChatBoard } from "@/features/chat/chat-board";
import { conversation } from "@/features/chat/conversation";
import conversationFile from "@/features/chat/conversation.ts?raw";
import { isMock } from "@/features/chat/model";
import server from "@/features/chat/server.ts?raw";
import followedChat from "@/features/chat/use-followed-chat.ts?raw";
import { visitorOf } from "@/features/notifications/identity";
import stopRoute from "../api/chat/[id]/stop/route.ts?raw";
import streamRoute from "../api/chat/[id]/stream/route.ts?raw";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Chat" };

export default function Page() {
  return (
    <UsePage
      title="An answer that survives a reload"
      intro={
        <>
          Ask the assistant, then reload in the middle of its answer. Open a second window: it shows
          the same words as they appear, and either window stops them.{" "}
          {isMock && "The model is a mock; the stream is not."}
        </>
      }
      place="h-120 sm:h-144"
      excerpts={[
        { file: "features/chat/server.ts", source: server },
        { file: "app/api/chat/[id]/stream/route.ts", source: streamRoute },
        { file: "app/api/chat/[id]/stop/route.ts", source: stopRoute },
        { file: "app/chat/page.tsx", source: page, region: "page" },
        { file: "features/chat/conversation.ts", source: conversationFile },
        { file: "features/chat/use-followed-chat.ts", source: followedChat },
      ]}
      how={
        <>
          The page uses <Code>useChat</Code> of the AI SDK with <Code>resume</Code>. The answer is a
          durable stream: the server that asks the model writes it to the log, and every window
          reads it from there, on any instance. The conversation is a live value on a channel of the
          visitor. When a question appears on it that this window did not ask, the window resumes
          the answer. A conversation is kept for an hour, and only its visitor can read it.
        </>
      }
    >
      <Board />
    </UsePage>
  );
}

// #region how page
async function Board() {
  const { id = "" } = visitorOf(await headers()) ?? {};
  return <ChatBoard id={id} snapshot={await conversation(id).read(chatBus)} />;
}
// #endregion
