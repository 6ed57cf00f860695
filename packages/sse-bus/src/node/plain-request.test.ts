import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPlainRequest } from "./plain-request.ts";

const PATH = "/sse";

const read = (text: string) => readPlainRequest(Buffer.from(text, "latin1"), PATH);

describe("a plain request", () => {
  test("is read unchanged", () => {
    const request = read(
      "GET /sse?channel=a%20b&from=latest HTTP/1.1\r\nHost: x:81\r\nACCEPT:text/event-stream\r\nX-A: b  c \t\r\nEmpty:\r\n\r\n",
    );
    expect(request?.url).toBe("http://x:81/sse?channel=a%20b&from=latest");
    expect(request?.target).toBe("/sse?channel=a%20b&from=latest");
    expect([...(request?.fields ?? [])]).toEqual([
      ["host", "x:81"],
      ["accept", "text/event-stream"],
      ["x-a", "b  c"],
      ["empty", ""],
    ]);
    expect(request?.headers.get("accept")).toBe("text/event-stream");
    expect(request?.headers.get("cookie")).toBeNull();
  });
});

const head = (line: string, ...fields: string[]): string =>
  [line, "Host: x", ...fields, "", ""].join("\r\n");

test.each([
  ["another method", head("POST /sse HTTP/1.1")],
  ["a page", head("GET /sse?channel=a&wait=0 HTTP/1.1")],
  ["what may be a page", head("GET /sse?w%61it=0&channel=a HTTP/1.1")],
  ["another version", head("GET /sse HTTP/1.0")],
  ["another path", head("GET /sse/ HTTP/1.1")],
  ["a longer path", head("GET /sseX HTTP/1.1")],
  ["another spelling of the path", head("GET /%73se HTTP/1.1")],
  ["an absolute target", head("GET http://x/sse HTTP/1.1")],
  ["a space in the target", head("GET /sse?a b HTTP/1.1")],
  ["two spaces", head("GET  /sse HTTP/1.1")],
  ["a body", `${head("GET /sse HTTP/1.1", "Content-Length: 1")}x`],
  ["a body to come", head("GET /sse HTTP/1.1", "Content-Length: 1")],
  ["a chunked body", head("GET /sse HTTP/1.1", "Transfer-Encoding: chunked")],
  ["a second request behind it", head("GET /sse HTTP/1.1") + head("GET /sse HTTP/1.1")],
  ["half of a second request", `${head("GET /sse HTTP/1.1")}GET /ss`],
  ["a head without its end", "GET /sse HTTP/1.1\r\nHost: x\r\n"],
  ["no host", "GET /sse HTTP/1.1\r\nAccept: */*\r\n\r\n"],
  ["two hosts", head("GET /sse HTTP/1.1", "Host: y")],
  ["a field twice", head("GET /sse HTTP/1.1", "X: 1", "x: 2")],
  ["a folded line", head("GET /sse HTTP/1.1", "X: 1", " 2")],
  ["a space before the colon", head("GET /sse HTTP/1.1", "X : 1")],
  ["a field without a name", head("GET /sse HTTP/1.1", ": 1")],
  ["a line without a colon", head("GET /sse HTTP/1.1", "X")],
  ["a bare LF", "GET /sse HTTP/1.1\nHost: x\n\n"],
  ["a bare LF in a value", head("GET /sse HTTP/1.1", "X: 1\nY: 2")],
  ["a bare CR in a value", head("GET /sse HTTP/1.1", "X: 1\rY: 2")],
  ["a NUL", head("GET /sse HTTP/1.1", "X: 1\0")],
  ["a byte that is not ASCII", head("GET /sse HTTP/1.1", "X: \xe9")],
  ["an upgrade", head("GET /sse HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket")],
  ["an option of the connection", head("GET /sse HTTP/1.1", "Connection: close, X")],
  ["the name of an object's property", head("GET /sse HTTP/1.1", "__proto__: x")],
  ["an expectation", head("GET /sse HTTP/1.1", "Expect: 100-continue")],
  ["an empty line before it", `\r\n${head("GET /sse HTTP/1.1")}`],
  ["a head that is too large", head("GET /sse HTTP/1.1", `X: ${"y".repeat(20_000)}`)],
  ["nothing", ""],
])("is not plain and is left to node:http: %s", (_, text) => {
  expect(read(text)).toBeUndefined();
});

describe("any request that counts as plain", () => {
  const server = createServer((request, response) => {
    seen.push(request);
    response.end();
  });
  const seen: IncomingMessage[] = [];
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => {
    server.close();
  });

  test("is read identically by node:http", async () => {
    const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
    const value = fc.oneof(
      fc.stringMatching(/^[ \t!-~]{0,20}$/),
      fc.string({
        unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
        maxLength: 6,
      }),
    );
    const line = fc.oneof(
      { weight: 8, arbitrary: fc.tuple(token, value).map(([name, text]) => `${name}:${text}`) },
      { weight: 1, arbitrary: fc.constantFrom("Content-Length: 0", "Connection: close", "X : y") },
    );
    const target = fc.stringMatching(/^[!-~]{0,12}$/).map((query) => `/sse?${query}`);
    const request = fc.record({
      target: fc.oneof(fc.constant("/sse"), target),
      lines: fc.array(line, { maxLength: 6 }),
      end: fc.oneof(
        { weight: 5, arbitrary: fc.constant("\r\n\r\n") },
        { weight: 1, arbitrary: fc.constantFrom("\r\n", "\n\n", "\r\n\r\nx") },
      ),
    });
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(request, async ({ target: path, lines, end }) => {
        const bytes = Buffer.from(
          [`GET ${path} HTTP/1.1`, "Host: h", ...lines].join("\r\n") + end,
          "latin1",
        );
        const plain = readPlainRequest(bytes, PATH);
        if (!plain) return;
        accepted++;
        const node = await parse(bytes);
        expect(node?.method).toBe("GET");
        expect(node?.url).toBe(plain.target);
        expect({ ...node?.headers }).toEqual(Object.fromEntries(plain.fields));
      }),
      { numRuns: 1000 },
    );
    // Otherwise a reader that accepts nothing would pass.
    expect(accepted).toBeGreaterThan(50);
  });

  async function parse(bytes: Uint8Array): Promise<IncomingMessage | undefined> {
    seen.length = 0;
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write(bytes);
    socket.resume();
    await Promise.race([once(socket, "data"), once(socket, "close")]);
    socket.destroy();
    expect(seen.length).toBe(1);
    return seen[0];
  }
});
