import { sharedBus } from "sse-bus";
import { backendFromUrl } from "sse-bus/backends";

/**
 * The conversations and their answers. A bus of its own, because everyone may read the public one; here, only
 * `/api/chat/events` serves messages, to the visitor whose they are.
 */
export const chatBus = sharedBus({
  name: "chat",
  backend: backendFromUrl(process.env.SSE_BUS_URL, { name: "sse-bus-chat" }),
  history: { maxMessages: 60, maxAgeMs: 3_600_000, maxBytes: 262_144 },
  maxHistoryBytes: 16_777_216,
});
