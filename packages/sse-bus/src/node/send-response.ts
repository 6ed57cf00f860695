import type { ServerResponse } from "node:http";

/** Sends a web-standard response whose body is short, on `node:http`. */
export async function sendResponse(from: Response, to: ServerResponse): Promise<void> {
  const body = Buffer.from(await from.arrayBuffer());
  if (to.destroyed) return;
  const headers = Object.fromEntries(from.headers);
  // HTTP/2 has no such header (RFC 9113 §8.2.2), and Node prints a warning.
  if ("stream" in to) delete headers.connection;
  to.writeHead(from.status, {
    ...headers,
    ...(body.length > 0 && { "content-length": String(body.length) }),
  });
  to.end(body);
}
