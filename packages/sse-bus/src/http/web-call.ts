import { toResponse } from "./answer.ts";
import { alreadyRead } from "./already-read.ts";
import type { BodyRead, HttpCall, Handler, RequestBody } from "./call.ts";
import { type ClientIpOptions, clientIp } from "./client-ip.ts";

/** A handler of web-standard requests. */
export type WebHandler = (request: Request) => Promise<Response>;

/** Gives a handler the web-standard form. */
export function webHandler(handle: Handler<BodyInit | null>, host: ClientIpOptions): WebHandler {
  return async (request) => toResponse(await handle(webCall(request, clientIp(request, host))));
}

/** A web-standard request as a call. */
export function webCall(request: Request, ip: string | undefined): HttpCall {
  return { head: request, ip, request: () => request, body: webBody(request) };
}

function webBody(request: Request): RequestBody {
  return {
    read(onBytes): BodyRead {
      if (request.bodyUsed || request.body?.locked) throw alreadyRead();
      const reader = request.body?.getReader();
      return {
        ended: reader ? readEach(reader, onBytes) : Promise.resolve(),
        // This ends the pending read.
        stop: () => void reader?.cancel().catch(() => {}),
      };
    },
  };
}

async function readEach(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  onBytes: (bytes: Uint8Array) => void,
): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes(value);
  }
}
