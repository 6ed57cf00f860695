import { once } from "node:events";
import {
  createServer as createHttpServer,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { HttpAnswer } from "../http/answer.ts";
import { sendAnswer } from "./send-answer.ts";

const refusal: HttpAnswer = { status: 413, headers: { Connection: "close" }, body: "too large" };

test("over HTTP/2, a refusal that closes the connection has no `Connection` and prints no warning", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  const server = createServer((_, response) => {
    sendAnswer(refusal, response as unknown as ServerResponse);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = session.request({ ":path": "/publish" });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  session.destroy();
  server.close();
  // A warning is emitted in a later tick of the process.
  await new Promise(setImmediate);
  process.off("warning", onWarning);
  expect(headers).toMatchObject({ ":status": 413 });
  expect(headers).not.toHaveProperty("connection");
  expect(warnings).toEqual([]);
});

test("over HTTP/1.1, a refusal closes the connection", async () => {
  const onRequest: RequestListener = (_, response) => sendAnswer(refusal, response);
  const server = createHttpServer(onRequest);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(answer.headers.get("connection")).toBe("close");
  await answer.text();
  server.close();
});
