import { convertToModelMessages, generateId, streamText, type UIMessage } from "ai";
import { chat } from "./lib/chat.ts";
import { model } from "./lib/model.ts";
import { bus } from "./lib/sse-bus.ts";

export async function POST(request: Request): Promise<Response> {
  const { id, messages } = (await request.json()) as { id: string; messages: UIMessage[] };
  return chat.answer({ request, id }, async ({ signal }) => {
    await saveChat(id, messages);
    // For the other tabs of this chat. The answer runs already, so they can resume it.
    await bus.publish(messages.at(-1), { channel: `chats/${id}` });
    const answer = streamText({
      model,
      messages: await convertToModelMessages(messages),
      abortSignal: signal,
    });
    return answer.toUIMessageStreamResponse({
      originalMessages: messages,
      generateMessageId: generateId,
      onFinish: ({ messages }) => saveChat(id, messages),
    });
  });
}

/** Part of your application. It is called for the question, and again for the answer, or its part up to a stop. */
async function saveChat(_: string, messages: readonly UIMessage[]): Promise<void> {
  saved.push(messages);
}
export const saved: (readonly UIMessage[])[] = [];
