import type { ServerResponse } from "node:http";

/**
 * Whether the host is about to send an event stream as the body of this response: it has set the head and
 * sent nothing. Next.js sets the head just before it reads a route's body. A stream that is read for another
 * purpose, by a page or through a transform, is read before its response's head is set, or after it has been
 * sent.
 */
export function isAboutToCarry(response: ServerResponse): boolean {
  // A list of one in Next.js 16.0.
  const type = String(response.getHeader("Content-Type"));
  return !response.headersSent && type.startsWith("text/event-stream");
}

/**
 * Whether bytes may be written below a response whose head has just been sent. Not if Next.js, or what wraps
 * it, compresses the body or has promised its length.
 *
 * @param encoding Of the stream itself. Next.js does not compress what is compressed already.
 */
export function canWriteBelow(response: ServerResponse, encoding: string | undefined): boolean {
  return (
    response.headersSent &&
    !response.writableEnded &&
    hasEncoding(response, encoding) &&
    !response.hasHeader("Content-Length")
  );
}

function hasEncoding(response: ServerResponse, encoding: string | undefined): boolean {
  const set = response.getHeader("Content-Encoding");
  // A list of one in Next.js 16.0.
  return encoding === undefined ? set === undefined : String(set) === encoding;
}
