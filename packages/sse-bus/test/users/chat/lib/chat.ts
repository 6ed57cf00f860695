import { createChatRoutes } from "sse-bus/ai";
import { ownsChat } from "./owns-chat.ts";
import { bus } from "./sse-bus.ts";

export const chat = createChatRoutes({
  bus,
  authorize: async ({ request, id }) => ownsChat(request.headers, id),
});
