"use client";

import type { LiveSnapshot } from "sse-bus";
import { SseProvider } from "sse-bus/react";
import { clearConversation } from "@/app/actions/chat";
import { Button, buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { FollowingList } from "@/components/ui/following-list";
import type { ChatMessage } from "./conversation";
import { MessageRow } from "./message-row";
import { QuestionForm } from "./question-form";
import { textOf } from "./ui-message";
import { useFollowedChat } from "./use-followed-chat";

interface ChatBoardProps {
  /** The visitor's id, which is the chat's. */
  id: string;
  /** The conversation as the server knows it. */
  snapshot: LiveSnapshot<readonly ChatMessage[]>;
}

/** On a stream route of its own, which serves the visitor's conversation only. */
export function ChatBoard(props: ChatBoardProps) {
  return (
    <SseProvider url="/api/chat/events" identity={props.id}>
      <Conversation {...props} />
    </SseProvider>
  );
}

const states = {
  ready: "Ready for a question.",
  submitted: "Thinking…",
  streaming: "Answering…",
  error: "Interrupted.",
};

function Conversation({ id, snapshot }: ChatBoardProps) {
  const { messages, status, error, sendMessage, connection } = useFollowedChat(id, snapshot);
  const isAnswering = status === "submitted" || status === "streaming";
  const newest = messages.at(-1);

  return (
    <Card
      title="Assistant"
      className="flex h-120 flex-col sm:h-128"
      aside={<ConnectionBadge status={connection} />}
      actions={
        <>
          <a
            href="/chat"
            target="_blank"
            rel="noopener"
            className={buttonClass({ small: true, variant: "quiet" })}
          >
            New window
          </a>
          <Button
            small
            variant="quiet"
            aria-disabled={isAnswering || messages.length === 0}
            onClick={() => {
              if (!isAnswering && messages.length > 0) void clearConversation();
            }}
          >
            Clear
          </Button>
        </>
      }
    >
      <FollowingList
        label="Conversation, newest last"
        newest={newest && `${newest.id} ${textOf(newest).length}`}
        whenEmpty={{
          title: "No questions yet",
          hint: "Ask something. Then reload in the middle of the answer, or open a second window.",
        }}
      >
        {messages.map((message) => (
          <MessageRow
            key={message.id}
            message={message}
            isGrowing={isAnswering && message === newest && message.role === "assistant"}
          />
        ))}
      </FollowingList>
      <QuestionForm
        isAnswering={isAnswering}
        state={states[status]}
        error={error && reasonOf(error)}
        onAsk={(text) => void sendMessage({ text })}
        onStop={async () => stop(id)}
      />
    </Card>
  );
}

/** Stops the answer, whichever window or instance it comes from. Not the hook's `stop`, which only stops reading. */
async function stop(id: string): Promise<void> {
  const response = await fetch(`/api/chat/${id}/stop`, { method: "POST" });
  if (!response.ok) throw new Error(`The answer was not stopped: ${response.status}.`);
}

function reasonOf({ message }: Error): string {
  try {
    return (JSON.parse(message) as { detail: string }).detail;
  } catch {
    return message;
  }
}
