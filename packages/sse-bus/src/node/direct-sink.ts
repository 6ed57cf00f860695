import type { ServerResponse } from "node:http";
import { packetBytes } from "../core/packet.ts";
import type { BodySink, OpenBodySink, SinkOwner, SinkSettings } from "../http/byte-sink.ts";
import { createWebSink } from "../http/web-sink.ts";
import { currentExchange } from "./exchange.ts";
import { createSocketWriter, cutOffUnread, type ResponseWriter } from "./response-writer.ts";

/**
 * The sink for a web-standard handler on `node:http`: `hello` leaves through the web stream, as the
 * host expects; once the head is out, everything after goes straight to the socket, and the open
 * web stream only keeps the response alive. Whenever anything is off it stays a web stream;
 * `SSE_BUS_SINK=web` in the environment keeps every stream one.
 */
export const openDirectSink: OpenBodySink = (request, owner, settings) => {
  const response = currentExchange()?.response;
  if (!response) return createWebSink(request, owner);
  const sink = process.env.SSE_BUS_SINK === "web" ? "web" : settings.sink;
  return createDirectSink(response, request.signal, owner, { ...settings, sink });
};

/** Responses that a stream writes to directly: a second one on the same must not. */
const taken = new WeakSet<ServerResponse>();

/**
 * `fresh`: nobody has read yet. `hello`: the first blocks are on their way through the host.
 * `web`, `direct`: how the rest goes.
 */
type Phase = "fresh" | "hello" | "web" | "direct" | "closed";

function createDirectSink(
  response: ServerResponse,
  signal: AbortSignal,
  owner: SinkOwner,
  settings: SinkSettings,
): BodySink {
  let phase: Phase = "fresh";
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let writer: ResponseWriter | undefined;
  /** The response is known to carry this stream, and not one that was read on its behalf. */
  let isCarrier = false;
  const first: Uint8Array[] = [];

  function pull(): void {
    if (phase === "fresh") {
      isCarrier = isAboutToCarry(response);
      phase = "hello";
      sendFirst();
      return;
    }
    if (phase === "hello") {
      writer = isCarrier && settings.sink === "auto" ? takeOver() : undefined;
      phase = writer ? "direct" : "web";
      if (writer) owner.onShortcut(writer);
    }
    owner.onReady();
  }

  function sendFirst(): void {
    for (const bytes of first) controller?.enqueue(bytes);
    first.length = 0;
  }

  function takeOver(): ResponseWriter | undefined {
    if (!isOurs(response)) return undefined;
    const own = createSocketWriter(response, settings.maxInFlightBytes, owner);
    if (!own) return undefined;
    taken.add(response);
    response.on("finish", onAbort);
    return own;
  }

  const onAbort = (): void => owner.onCancel();
  signal.addEventListener("abort", onAbort);
  const body = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own;
      },
      pull,
      cancel() {
        // From here on the controller throws at every call (ERR_INVALID_STATE).
        controller = undefined;
        owner.onCancel();
      },
    },
    { highWaterMark: 0 },
  );

  return {
    body,
    write(packet) {
      if (writer) return writer.write(packet);
      controller?.enqueue(packetBytes(packet));
      return false;
    },
    send(bytes) {
      // A stream that already holds something when it is first read is not pulled, and would not
      // learn of its first reading.
      if (phase === "fresh") first.push(bytes);
      else if (writer) writer.send(bytes);
      else controller?.enqueue(bytes);
      return false;
    },
    end: (reason) => owner.onEnd(reason),
    close() {
      if (phase === "closed") return;
      phase = "closed";
      signal.removeEventListener("abort", onAbort);
      writer?.release();
      sendFirst();
      controller?.close();
      controller = undefined;
      if (isCarrier) cutOffUnread(response);
    },
    kind: () => (writer ? "direct" : "web"),
  };
}

/**
 * Whether the host is about to send this stream as the body of the response: it has set the head
 * and sent nothing. A stream read for another purpose (by a page, through a transform) is read
 * before its response's head is set, or after it has left.
 */
function isAboutToCarry(response: ServerResponse): boolean {
  return !response.headersSent && isEventStream(response);
}

/** Whether `hello` has left as it was: a compressed body, or one of a known length, is not ours. */
function isOurs(response: ServerResponse): boolean {
  return (
    response.headersSent &&
    !response.writableEnded &&
    isEventStream(response) &&
    !response.hasHeader("Content-Encoding") &&
    !response.hasHeader("Content-Length") &&
    !taken.has(response)
  );
}

function isEventStream(response: ServerResponse): boolean {
  const type = response.getHeader("Content-Type");
  return typeof type === "string" && type.startsWith("text/event-stream");
}
