import type { UIMessage } from "ai";
import type { ChatMessage } from "./conversation";

/** A message of `useChat`. */
export type ChatUIMessage = UIMessage<{ isStopped?: boolean }>;

export function toUIMessage({ id, role, text, isStopped = false }: ChatMessage): ChatUIMessage {
  return { id, role, parts: [{ type: "text", text }], metadata: { isStopped } };
}

/** The text of a message, without steps, sources and tools. */
export function textOf({ parts }: Pick<UIMessage, "parts">): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
