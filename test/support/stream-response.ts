import { type IncomingMessage, get } from "node:http";
import { constants, createGunzip } from "node:zlib";
import { createParser } from "eventsource-parser";

export interface StreamRequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly lastEventId?: string | undefined;
  /** Asks for gzip, as every browser does, and decodes it. @default false */
  readonly gzip?: boolean;
  /** The longest wait for the response's headers. @default 30_000 */
  readonly timeoutMs?: number;
}

/** One event, as a browser dispatches it. */
export interface ReceivedEvent {
  /** The event's type; `message` if the block has none. */
  readonly event: string;
  /** The block's own id; undefined if it has none. */
  readonly id: string | undefined;
  readonly data: string;
  /** When it was parsed, in milliseconds since the epoch, with fractions. */
  readonly receivedAt: number;
  json(): unknown;
}

export interface StreamHandlers {
  onEvent(event: ReceivedEvent): void;
  onRetry?(retryMs: number): void;
}

/** Requests an event stream over a socket of its own. Rejects unless the status is 200. */
export async function requestStream(
  url: string,
  options: StreamRequestOptions = {},
): Promise<IncomingMessage> {
  const response = await request(url, options);
  if (response.statusCode === 200) return response;
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += String(chunk);
  throw new Error(`GET ${url} answered ${response.statusCode}: ${body}`);
}

/** Parses a response. Returns the stream to pause and resume. */
export function parseResponse(
  response: IncomingMessage,
  { onEvent, onRetry }: StreamHandlers,
): NodeJS.ReadableStream {
  const parser = createParser({
    onEvent({ event = "message", id, data }) {
      const receivedAt = performance.timeOrigin + performance.now();
      onEvent({ event, id, data, receivedAt, json: () => JSON.parse(data) });
    },
    ...(onRetry && { onRetry }),
  });
  const isGzipped = response.headers["content-encoding"] === "gzip";
  const body = isGzipped
    ? response.pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }))
    : response;
  body.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
  return body;
}

async function request(url: string, options: StreamRequestOptions): Promise<IncomingMessage> {
  const { lastEventId, gzip = false, timeoutMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const call = get(url, {
      agent: false,
      headers: {
        Accept: "text/event-stream",
        ...(gzip ? { "Accept-Encoding": "gzip" } : {}),
        ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
        ...options.headers,
      },
    });
    const timer = setTimeout(
      () => call.destroy(new Error(`GET ${url} sent no headers in ${timeoutMs} ms`)),
      timeoutMs,
    );
    call.once("error", reject);
    call.once("close", () => clearTimeout(timer));
    call.once("response", (response) => {
      clearTimeout(timer);
      call.off("error", reject);
      // A reset connection is an error of both; "close" of the response reports it.
      call.on("error", () => {});
      response.on("error", () => {});
      resolve(response);
    });
  });
}
