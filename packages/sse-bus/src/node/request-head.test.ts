import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { checkHost } from "../http/host.ts";
import { toRefusal } from "../http/refusal.ts";
import type { RequestHead } from "../http/request-head.ts";
import { nodeRequestHead, toWebRequest } from "./request-head.ts";

test.each([
  ["app.example:81", undefined, "app.example:81", undefined],
  ["app.example", "App.example", "app.example", undefined],
  ["rebound.example", undefined, "rebound.example", "HOST_NOT_ALLOWED"],
  ["user@app.example", undefined, undefined, "INVALID_HOST"],
  ["evil.example", "app.example", undefined, "INVALID_HOST"],
  ["app.example", "evil.example", undefined, "INVALID_HOST"],
])(
  "over HTTP/2 the authority %s with Host %s is the host %s",
  async (authority, sent, host, code) => {
    const server = createServer((request, response) => {
      const from = request as unknown as IncomingMessage;
      const refused = refusalCode(nodeRequestHead(from));
      let web: Request | undefined;
      try {
        web = toWebRequest(from, response as unknown as ServerResponse);
      } catch {
        // Rejected below.
      }
      const webRefused = web && refusalCode(web);
      response.end(JSON.stringify({ host: web?.headers.get("host"), code: refused, webRefused }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({
      ":path": "/publish",
      ":authority": authority,
      ...(sent !== undefined && { host: sent }),
    });
    let body = "";
    stream.setEncoding("utf8").on("data", (text) => (body += text));
    // From Node.js 22 on, HTTP/2 itself refuses user information: no request arrives.
    const failure = await once(stream, "end").then(
      () => undefined,
      (error: Error) => error,
    );
    const webRefused = host && code;
    if (failure)
      expect([code, failure.message]).toEqual([
        "INVALID_HOST",
        expect.stringMatching(/PROTOCOL_ERROR/),
      ]);
    else expect(JSON.parse(body)).toEqual(JSON.parse(JSON.stringify({ host, code, webRefused })));
    session.close();
    server.close();
  },
);

function refusalCode(head: RequestHead): string | undefined {
  try {
    checkHost(head, { allowedHosts: ["app.example"] });
    return undefined;
  } catch (error) {
    return toRefusal(error).problem.code;
  }
}
