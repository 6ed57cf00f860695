import { createSseRoute } from "sse-bus/next";
import { chatBus as bus } from "@/features/chat/bus";
import { conversation } from "@/features/chat/conversation";
import { visitorOf } from "@/features/notifications/identity";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createSseRoute({
  bus,
  // Visitors read their own conversation, and nothing else.
  authorize: ({ request }) => {
    const visitor = visitorOf(request.headers);
    return visitor ? { channels: [conversation(visitor.id).channel] } : 401;
  },
});
