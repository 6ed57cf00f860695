import { createSseRoute } from "sse-bus/next";
import { entries } from "@/features/notifications/live";
import { bus } from "@/lib/sse-bus";
import { visitorOf } from "@/features/notifications/identity";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createSseRoute({
  bus,
  // Everyone may read; a stream with a visitor's cookie makes its visitor a member.
  authorize: ({ request }) => {
    const visitor = visitorOf(request.headers);
    return visitor ? { identity: { id: visitor.id, info: { name: visitor.name } } } : true;
  },
  presence: { channels: [entries.channel] },
});
