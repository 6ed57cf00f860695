import { tokenAuthorize } from "sse-bus/inspector";
import { createInspectorRoute } from "sse-bus/next";
import { bus } from "@/lib/sse-bus";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createInspectorRoute({
  bus,
  // Without a token it is open in development, and a 404 in production.
  authorize: tokenAuthorize(process.env.SSE_BUS_INSPECTOR_TOKEN),
});
