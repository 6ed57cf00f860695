import { once } from "node:events";
import { createServer, type IncomingMessage, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import type { Handler } from "../../src/http/call.ts";
import { type ClientIpOptions, clientIp } from "../../src/http/client-ip.ts";
import { type WebHandler, webHandler } from "../../src/http/web-call.ts";
import { nodeCall } from "../../src/node/node-call.ts";
import { sendAnswer } from "../../src/node/send-answer.ts";

/** Makes a handler answer web-standard requests, by itself or behind a server. */
export type HandlerForm = (handle: Handler, host: ClientIpOptions) => WebHandler;

/** Every form in which the package serves a handler: its tests run on each. */
export const HANDLER_FORMS: readonly (readonly [string, HandlerForm])[] = [
  ["Request and Response", webHandler],
  ["node:http", behindNode],
];

const closing: (() => void)[] = [];

/** Closes what the forms have opened. */
export function closeHandlerForms(): void {
  for (const close of closing.splice(0)) close();
}

/** Serves the handler with `node:http` from the first request on, and sends it each request over a connection. */
function behindNode(handle: Handler, host: ClientIpOptions): WebHandler {
  const server = createServer((request, response) => {
    const call = nodeCall(request, response, host.trustedProxies);
    // Every client of a test is on loopback: the address is the one that the test says.
    const answered = handle({ ...call, ip: clientIp(call.head, host) });
    void answered.then((answer) => sendAnswer(answer, response));
  });
  let listening: Promise<number> | undefined;

  async function listen(): Promise<number> {
    server.listen(0, "127.0.0.1");
    closing.push(() => {
      server.close().closeAllConnections();
    });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  return async (request) => send(request, await (listening ??= listen()));
}

async function send(request: Request, port: number): Promise<Response> {
  const { pathname, search, host } = new URL(request.url);
  const outgoing = sendRequest({
    port,
    host: "127.0.0.1",
    agent: false,
    method: request.method,
    path: pathname + search,
    headers: { host, ...Object.fromEntries(request.headers) },
  });
  void sendBody(request, outgoing);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  outgoing.destroy();
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headersDistinct)) {
    for (const one of value ?? []) headers.append(name, one);
  }
  const status = incoming.statusCode as number;
  return new Response(status === 204 ? null : Buffer.concat(chunks), { status, headers });
}

/** A request may be answered before its body has ended. */
async function sendBody(
  { body }: Request,
  outgoing: ReturnType<typeof sendRequest>,
): Promise<void> {
  outgoing.on("error", () => {});
  for await (const bytes of body ?? []) outgoing.write(bytes);
  outgoing.end();
}
