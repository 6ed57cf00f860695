import { useChat } from "@ai-sdk/react";
import type { UIMessage } from "ai";
import { useChannel } from "sse-bus/react";

/** `useChat`, which also shows what other tabs of the same chat ask, and the answers while they are written. */
export function useFollowedChat(id: string, loaded: UIMessage[], cursor: string) {
  const chat = useChat({ id, messages: loaded, resume: true });
  const { messages, setMessages, resumeStream } = chat;
  useChannel(`chats/${id}`, {
    cursor,
    onMessage: (question: UIMessage) => {
      if (messages.some((shown) => shown.id === question.id)) return; // asked in this tab
      setMessages((shown) => [...shown, question]);
      void resumeStream();
    },
  });
  return chat;
}
