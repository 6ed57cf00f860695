import { isSseBusError } from "sse-bus";
import { heartbeat } from "@/features/notifications/server";
import { readHeartbeat, Refusal } from "@/features/notifications/validate";
import { takeHeartbeatTurn } from "@/features/publish/rate-limit";

const maxBytes = 1_000;

/** `POST /api/presence`: a window's heartbeat. A route, because a `keepalive` request can outlive its page. */
export async function POST(request: Request): Promise<Response> {
  // A form of another site cannot send this header.
  if (request.headers.get("x-presence") === null)
    return refuse(403, "The header X-Presence is missing.");
  if (!(Number(request.headers.get("content-length") ?? Infinity) <= maxBytes))
    return refuse(413, `At most ${maxBytes} bytes, and say how many.`);
  const waitMs = await takeHeartbeatTurn();
  if (waitMs > 0) return refuse(429, "Too many requests. Try again in a moment.");
  try {
    await heartbeat(readHeartbeat(await request.json()));
    return new Response(null, { status: 204 });
  } catch (error) {
    if (error instanceof Refusal) return refuse(400, error.message);
    if (error instanceof SyntaxError) return refuse(400, "That is not JSON.");
    return refuse(503, isSseBusError(error) ? error.code : "It failed. Try again.");
  }
}

function refuse(status: number, detail: string): Response {
  return Response.json(
    { type: "about:blank", status, detail },
    { status, headers: { "Content-Type": "application/problem+json" } },
  );
}
