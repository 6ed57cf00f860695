import { createSseRoute } from "sse-bus/next";
import { mayInspect, notThere } from "@/features/inspector/access";
import { demoChannel, isDemoId } from "@/features/inspector/demo";
import { carry, hasRoomFor } from "@/features/inspector/demo-server";
import { bus } from "@/lib/sse-bus";

// The web sink: what passes through `carry` must not be written around it.
const route = createSseRoute({ bus, sink: "web", retryMs: 500, heartbeatMs: 5_000 });

/** A page's demo stream: the bus's own, through a line that the page may cut or stall. */
export async function GET(request: Request): Promise<Response> {
  if (!(await mayInspect())) return notThere();
  const channels = new URL(request.url).searchParams.getAll("channel");
  const id = channels[0]?.split("/").at(-1);
  if (channels.length !== 1 || !isDemoId(id) || channels[0] !== demoChannel(id)) return notThere();
  if (!hasRoomFor(id)) return new Response("Too many", { status: 503 });
  const response = await route.GET(request);
  if (!response.ok || !response.body) return response;
  return new Response(carry(id, response.body), response);
}
