import { defineLive } from "sse-bus";
import * as v from "valibot";
import { text } from "../../lib/shape";

export const maxQuestionLength = 500;
const keptMessages = 30;

export type ChatMessage = v.InferOutput<typeof chatMessage>;

/** `user`: a question. `assistant`: an answer, whole or up to where it was stopped. */
export const chatMessage = v.object({
  id: v.pipe(text(100), v.nonEmpty()),
  role: v.picklist(["user", "assistant"]),
  text: text(20_000),
  isStopped: v.optional(v.boolean()),
});

const none: readonly ChatMessage[] = [];
/** `null` clears the conversation. */
const change = v.nullable(chatMessage);

/** The last messages of a chat. */
export const conversation = (id: string) =>
  defineLive({ channel: `chats/${id}`, initial: none, reduce: addMessage, validate: change });

function addMessage(all: readonly ChatMessage[], message: ChatMessage | null) {
  if (!message) return none;
  return [...all.filter(({ id }) => id !== message.id), message].slice(-keptMessages);
}
