import { createSseRoute, isPublishingOpen } from "sse-bus/next";
import { demoChannel, isDemoId } from "@/features/guarantees/demo";
import { hasRoomFor, relayStream } from "@/features/guarantees/demo-server";
import { bus } from "@/lib/sse-bus";

// The web sink, because the direct sink writes to the socket and would bypass `relayStream`.
const route = createSseRoute({ bus, sink: "web", retryMs: 500, heartbeatMs: 5_000 });

/** A page's demo stream: a stream of the bus, through a relay that the page can cut or stall. */
export async function GET(request: Request): Promise<Response> {
  const channels = new URL(request.url).searchParams.getAll("channel");
  const id = channels[0]?.split("/").at(-1);
  const isOwn = channels.length === 1 && isDemoId(id) && channels[0] === demoChannel(id);
  if (!isPublishingOpen() || !isOwn) return new Response("Not found", { status: 404 });
  if (!hasRoomFor(id)) return new Response("Too many", { status: 503 });
  const response = await route.GET(request);
  if (!response.ok || !response.body) return response;
  return new Response(relayStream(id, response.body), response);
}
