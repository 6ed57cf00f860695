import type { ServerResponse } from "node:http";

/** Sends a web-standard response whose body is short, on `node:http`. */
export async function sendResponse(from: Response, to: ServerResponse): Promise<void> {
  const body = Buffer.from(await from.arrayBuffer());
  if (to.destroyed) return;
  to.writeHead(from.status, {
    ...Object.fromEntries(from.headers),
    ...(body.length > 0 && { "content-length": String(body.length) }),
  });
  to.end(body);
}
