import { convertToModelMessages, generateId, streamText } from "ai";
import { createChatRoutes } from "sse-bus/ai";
import { visitorOf } from "@/features/notifications/identity";
import { chatBus as bus } from "./bus";
import { type ChatMessage, conversation } from "./conversation";
import { model } from "./model";
import { textOf, toUIMessage } from "./ui-message";

/** The id of a visitor's chat is the visitor's own, so nobody else may use it. */
export const chat = createChatRoutes({
  bus,
  authorize: ({ request, id }) => visitorOf(request.headers)?.id === id,
  maxRunMs: 120_000,
  maxStreams: 100,
});

export async function answer(request: Request, id: string, question: ChatMessage) {
  return chat.answer({ request, id }, async ({ signal }) => {
    const { value: before } = await conversation(id).read(bus);
    // The visitor's other windows receive the question, and resume the answer, which runs from here on.
    await save(id, question);
    const answered = streamText({
      model,
      messages: await convertToModelMessages([...before, question].map(toUIMessage)),
      maxOutputTokens: 1_000,
      abortSignal: signal,
    });
    return answered.toUIMessageStreamResponse({
      generateMessageId: generateId,
      onFinish: async ({ responseMessage }) => {
        const text = textOf(responseMessage).slice(0, 20_000);
        const { aborted: isStopped } = signal;
        if (text) await save(id, { id: responseMessage.id, role: "assistant", text, isStopped });
      },
    });
  });
}

/** `null` clears the conversation. */
export async function save(id: string, message: ChatMessage | null): Promise<void> {
  await bus.publish(message, { channel: conversation(id).channel });
}
