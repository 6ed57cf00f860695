import * as v from "valibot";
import { chatMessage, maxQuestionLength } from "@/features/chat/conversation";
import { answer, chat } from "@/features/chat/server";
import { textOf } from "@/features/chat/ui-message";
import { takeChatTurn } from "@/features/publish/rate-limit";
import { readShape, text } from "@/lib/shape";

const part = v.object({ type: v.literal("text"), text: text(maxQuestionLength) });
const body = v.object({
  id: text(100),
  message: v.object({
    id: chatMessage.entries.id,
    parts: v.pipe(v.array(part), v.length(1)),
  }),
});

export const OPTIONS = chat.preflight;

/** `POST /api/chat`: a question. The response is the answer. */
export async function POST(request: Request): Promise<Response> {
  const asked = readShape(body, await request.json().catch(() => undefined));
  const question = asked && textOf(asked.message).trim();
  if (!asked || !question) {
    return new Response(`A question has 1 to ${maxQuestionLength} characters.`, { status: 400 });
  }
  const waitMs = await takeChatTurn();
  if (waitMs > 0) {
    const detail = `Too many questions. Try again in ${Math.ceil(waitMs / 1_000)} s.`;
    return new Response(detail, { status: 429 });
  }
  return answer(request, asked.id, { id: asked.message.id, role: "user", text: question });
}
