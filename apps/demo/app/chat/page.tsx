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
      title="Chat with an assistant whose answer survives a reload"
      intro={
        <>
          The answer continues after a reload. A second window shows the same words as they arrive,
          and either window can stop the answer.{" "}
          {isMock && "The model is a mock that needs no account; the stream is real."}
        </>
      }
      place="h-120 sm:h-128"
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
          durable stream: the instance that asks the model writes the answer to the log, and every
          window reads it from there, through any instance. The conversation is a live value on the
          visitor’s own channel. When it shows a question from another window, this window resumes
          the answer. The server keeps a conversation for an hour, and only its visitor can read it.
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
