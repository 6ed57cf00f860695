import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import type { LiveSnapshot } from "sse-bus";
import { useLive } from "sse-bus/react";
import { useEffect } from "react";
import { type ChatMessage, conversation } from "./conversation";
import { type ChatUIMessage, toUIMessage } from "./ui-message";

const retryMs = 1_000;

const transport = new DefaultChatTransport<ChatUIMessage>({
  // Firefox sends only one request at a time for a URL that it may cache, so a second window would wait.
  fetch: async (url, init) => fetch(url, { ...init, cache: "no-store" }),
  // Only the question: the server has the conversation.
  prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, message: messages.at(-1) } }),
});

/** `useChat`, which also shows what the visitor's other windows ask, and the answers while they are written. */
export function useFollowedChat(id: string, snapshot: LiveSnapshot<readonly ChatMessage[]>) {
  const chat = useChat({
    id,
    messages: snapshot.value.map(toUIMessage),
    resume: true,
    transport,
  });
  const { messages, setMessages, resumeStream, error } = chat;
  const { data: saved, status } = useLive(conversation(id), snapshot);

  useEffect(() => {
    const newest = saved.at(-1);
    const isElsewhere = newest?.role === "user" && !messages.some((one) => one.id === newest.id);
    setMessages((shown) => merge(saved, shown));
    // Another window has asked.
    if (isElsewhere) void resumeStream();
    // oxlint-disable-next-line react/exhaustive-deps -- follows what is saved
  }, [saved]);

  // The answer's connection was cut. Once the page is live, the server can be asked again.
  const isCut = error instanceof TypeError && status === "open";
  useEffect(() => {
    if (!isCut) return undefined;
    const timer = setTimeout(() => void resumeStream(), retryMs);
    return () => clearTimeout(timer);
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- after each failure
  }, [isCut, error, resumeStream]);

  return { ...chat, connection: status };
}

/** What is saved, then what this window has after it: a new question, and the answer that is being written. */
function merge(saved: readonly ChatMessage[], shown: readonly ChatUIMessage[]): ChatUIMessage[] {
  if (saved.length === 0) return [];
  const known = new Set(saved.map(({ id }) => id));
  const last = shown.findLastIndex(({ id }) => known.has(id));
  return [...saved.map(toUIMessage), ...shown.slice(last + 1)];
}
