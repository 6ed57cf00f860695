// The route of common tutorials: a stream that enqueues, with a listener for each reader.
import { emitter } from "@/lib/emitter";

export const dynamic = "force-dynamic";

export function GET(request: Request) {
  const encoder = new TextEncoder();
  const stream = new ReadableStream({
    start(controller) {
      const send = (data: unknown) => {
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(data)}\n\n`));
      };
      send({ hello: true });
      emitter.on("message", send);
      request.signal.addEventListener("abort", () => {
        emitter.off("message", send);
        controller.close();
      });
    },
  });
  return new Response(stream, {
    headers: {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache, no-transform",
      Connection: "keep-alive",
    },
  });
}
