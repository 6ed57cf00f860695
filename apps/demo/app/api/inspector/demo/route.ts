import { createSseRoute } from "sse-bus/next";
import { mayInspect, notFoundResponse } from "@/features/inspector/access";
import { demoChannel, isDemoId } from "@/features/inspector/demo";
import { relayStream, hasRoomFor } from "@/features/inspector/demo-server";
import { bus } from "@/lib/sse-bus";

// The web sink, because the direct sink writes to the socket and would bypass `relayStream`.
const route = createSseRoute({ bus, sink: "web", retryMs: 500, heartbeatMs: 5_000 });

/** A page's demo stream: a stream of the bus, through a relay that the page can cut or stall. */
export async function GET(request: Request): Promise<Response> {
  if (!(await mayInspect())) return notFoundResponse();
  const channels = new URL(request.url).searchParams.getAll("channel");
  const id = channels[0]?.split("/").at(-1);
  if (channels.length !== 1 || !isDemoId(id) || channels[0] !== demoChannel(id))
    return notFoundResponse();
  if (!hasRoomFor(id)) return new Response("Too many", { status: 503 });
  const response = await route.GET(request);
  if (!response.ok || !response.body) return response;
  return new Response(relayStream(id, response.body), response);
}
