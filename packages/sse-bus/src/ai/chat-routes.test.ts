import * as ai7 from "ai";
import * as ai6 from "ai-6";
import * as mocks6 from "ai-6/test";
import * as mocks7 from "ai/test";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Backend } from "../core/backend.ts";
import { internalsOf } from "../core/bus-internals.ts";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import type { AuthorizeChat, ChatRouteOptions } from "./chat-options.ts";
import { type ChatRoutes, type ChatSource, createChatRoutes } from "./chat-routes.ts";

const open: Bus[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (bus) => bus.close()));
});

interface Instance {
  readonly bus: Bus;
  readonly chat: ChatRoutes;
  readonly errors: Error[];
}

function instance(backend = memoryBackend(), options: Partial<ChatRouteOptions> = {}): Instance {
  const errors: Error[] = [];
  const bus = createBus({ backend, onError: (error) => errors.push(error) });
  internalsOf(bus).attachments.set("leaseMs", 1000);
  open.push(bus);
  return { bus, chat: createChatRoutes({ bus, authorize: () => true, ...options }), errors };
}

const url = "http://app.test/api/chat";

async function post(chat: ChatRoutes, source: ChatSource, id = "c1"): Promise<Response> {
  return chat.answer({ request: new Request(url, { method: "POST" }), id }, source);
}

async function get(chat: ChatRoutes, id = "c1", init: RequestInit = {}): Promise<Response> {
  return chat.resume(new Request(`${url}/${id}/stream`, init), { params: Promise.resolve({ id }) });
}

async function stop(chat: ChatRoutes, id = "c1"): Promise<Response> {
  const request = new Request(`${url}/${id}/stop`, { method: "POST" });
  return chat.stop(request, { params: Promise.resolve({ id }) });
}

/** An answer whose parts come when the test says so. */
function manual() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let signal: AbortSignal | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
  });
  const encoder = new TextEncoder();
  return {
    source: vi.fn<ChatSource>((options) => {
      signal = options.signal;
      return new Response(body);
    }),
    give: (text: string) => controller.enqueue(encoder.encode(text)),
    end: () => controller.close(),
    fail: () => controller.error(new Error("The provider is down.")),
    isAborted: () => signal?.aborted === true,
  };
}

async function readUntil(response: Response, text: string): Promise<string> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let read = "";
  while (!read.includes(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The answer ended without ${text}: ${read}`);
    read += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return read;
}

test("a running answer is read again from its start, on another instance", async () => {
  const backend = memoryBackend();
  const [one, other] = [instance(backend), instance(backend)];
  const answer = manual();
  const first = await post(one.chat, answer.source);
  answer.give("data: 1\n\n");
  const again = await get(other.chat);
  answer.give("data: 2\n\n");
  answer.end();
  expect(await first.text()).toBe("data: 1\n\ndata: 2\n\n");
  expect(await again.text()).toBe("data: 1\n\ndata: 2\n\n");
  for (const { status, headers } of [first, again]) {
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "x-vercel-ai-ui-message-stream": "v1",
    });
  }
});

test("there is nothing to resume before an answer and after it: 204", async () => {
  const { chat } = instance();
  expect((await get(chat)).status).toBe(204);
  const answer = manual();
  const response = await post(chat, answer.source);
  answer.end();
  await response.text();
  const after = await get(chat);
  expect([after.status, await after.text()]).toEqual([204, ""]);
  expect(after.headers.get("cache-control")).toBe("no-store");
});

test("a client that leaves does not end the answer; a stop on another instance does", async () => {
  const backend = memoryBackend();
  const [one, other] = [instance(backend), instance(backend)];
  const answer = manual();
  const response = await post(one.chat, answer.source);
  answer.give("data: 1\n\n");
  await readUntil(response, "data: 1");
  expect(answer.isAborted()).toBe(false);

  const reader = await get(one.chat);
  answer.give("data: 2\n\n");
  expect((await stop(other.chat)).status).toBe(204);
  expect(await reader.text()).toMatch(/^data: 1\n\n(data: 2\n\n)?$/);
  expect(answer.isAborted()).toBe(true);
  expect((await get(other.chat)).status).toBe(204);
});

test("stopping a chat without a running answer is no error", async () => {
  const { chat } = instance();
  expect((await stop(chat)).status).toBe(204);
});

test("a newer question stops the answer that still runs, wherever it runs", async () => {
  const backend = memoryBackend();
  const [one, other] = [instance(backend), instance(backend)];
  const [older, newer] = [manual(), manual()];
  const first = await post(one.chat, older.source);
  older.give("data: old\n\n");
  const second = await post(other.chat, newer.source);
  newer.give("data: new\n\n");
  newer.end();
  expect(await first.text()).not.toContain("new");
  expect(older.isAborted()).toBe(true);
  expect(await second.text()).toBe("data: new\n\n");
});

test("an answer that cannot be stopped refuses a newer question after 10 s", async () => {
  const backend = memoryBackend();
  // The order to stop does not arrive.
  const deaf: Backend = {
    ...backend,
    publish: async (message) =>
      backend.publish({
        ...message,
        event: message.event === "stream-stop" ? "ignored" : message.event,
      }),
  };
  const [one, other] = [instance(backend), instance(deaf)];
  const older = manual();
  await post(one.chat, older.source);
  await get(other.chat);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const answered = post(other.chat, manual().source);
    await vi.advanceTimersByTimeAsync(11_000);
    const response = await answered;
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(older.isAborted()).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test("answers the hosts that SSE_BUS_ALLOWED_HOSTS names, like the other routes", async () => {
  vi.stubEnv("SSE_BUS_ALLOWED_HOSTS", "app.test");
  try {
    const { chat } = instance();
    const [own, evil] = ["app.test", "evil.example"].map((host) => ({ headers: { host } }));
    expect((await get(chat, "c1", own)).status).toBe(204);
    const response = await get(chat, "c1", evil);
    expect(await response.json()).toMatchObject({ status: 403, code: "HOST_NOT_ALLOWED" });
  } finally {
    vi.unstubAllEnvs();
  }
});

test("a source that fails ends the answer with an error part for useChat", async () => {
  const { chat, errors } = instance();
  const answer = manual();
  const response = await post(chat, answer.source);
  answer.give('data: {"type":"te');
  answer.fail();
  const text = await response.text();
  expect(text).toMatch(/te\n\ndata: \{"type":"error","errorText":".+"\}\n\ndata: \[DONE\]\n\n$/);
  expect(errors.map(({ cause }) => (cause as Error).message)).toEqual(["The provider is down."]);
});

test("a source that returns no stream is reported with what it must return", async () => {
  const { chat, errors } = instance();
  const response = await post(chat, () => new Response("no", { status: 500 }));
  expect(await response.text()).toContain('"type":"error"');
  expect(errors.map(({ cause }) => (cause as Error).message)).toEqual([
    expect.stringMatching(/status 200 and a body.*got 500/),
  ]);
});

describe("access", () => {
  test("is decided for each request, before anything is read or run", async () => {
    const asked: unknown[] = [];
    const authorize: AuthorizeChat = ({ id, action, request }) => {
      asked.push([request.method, id, action]);
      return false;
    };
    const { chat } = instance(memoryBackend(), { authorize });
    const answer = manual();
    const responses = [await post(chat, answer.source), await get(chat), await stop(chat)];
    expect(responses.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(answer.source).not.toHaveBeenCalled();
    expect(asked).toEqual([
      ["POST", "c1", "answer"],
      ["GET", "c1", "resume"],
      ["POST", "c1", "stop"],
    ]);
  });

  test("a refused client learns nothing of whether an answer runs", async () => {
    let isAllowed = true;
    const { chat } = instance(memoryBackend(), { authorize: () => isAllowed });
    await post(chat, manual().source);
    isAllowed = false;
    const [running, none] = [await get(chat), await get(chat, "c2")];
    expect(await running.text()).toBe(await none.text());
    expect(running.status).toBe(none.status);
  });

  test.each([
    ["undefined", () => undefined as never, 403, []],
    ["401", () => 401 as const, 401, []],
    ["a grant", () => ({ expiresAt: Date.now() + 60_000 }) as never, 403, []],
    ["a grant for an identity", () => ({ identity: { id: "u1" } }) as never, 403, []],
    ["a number", () => 1 as never, 403, []],
    ["a throw", () => expect.unreachable(), 403, ["AUTHORIZATION_FAILED"]],
    ["no answer", async () => new Promise<never>(() => {}), 503, ["AUTHORIZATION_UNAVAILABLE"]],
  ])("%s denies it", async (_, authorize, status, codes) => {
    const options = { authorize, authorizeTimeoutMs: 10 };
    const { chat, errors } = instance(memoryBackend(), options);
    expect((await get(chat)).status).toBe(status);
    expect(errors.map((error) => (error as unknown as { code: string }).code)).toEqual(codes);
  });

  test("has no default", () => {
    const bus = createBus();
    open.push(bus);
    const options = { bus } as unknown as ChatRouteOptions;
    expect(() => createChatRoutes(options)).toThrow("`authorize` is required");
  });

  test("a page of another origin cannot use the user's cookies", async () => {
    const authorize = vi.fn<AuthorizeChat>(() => true);
    const { chat } = instance(memoryBackend(), { authorize });
    const request = new Request(`${url}/c1/stop`, {
      method: "POST",
      headers: { origin: "https://evil.example" },
    });
    const response = await chat.stop(request, { params: { id: "c1" } });
    expect(await response.json()).toMatchObject({ status: 403, code: "CROSS_SITE" });
    expect(authorize).not.toHaveBeenCalled();
  });

  test("an allowed origin may read, and its preflight is answered", async () => {
    const origin = "https://app.example";
    const { chat } = instance(memoryBackend(), { cors: { origins: [origin] } });
    const preflight = await get(chat, "c1", { method: "OPTIONS", headers: { origin } });
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, HEAD, OPTIONS");
    const response = await get(chat, "c1", { headers: { origin } });
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test("the preflight of a question is answered without `authorize` and a source", async () => {
    const origin = "https://app.example";
    const authorize = vi.fn<AuthorizeChat>(() => true);
    const { chat } = instance(memoryBackend(), { authorize, cors: { origins: [origin] } });
    const ask = (headers: Record<string, string>) =>
      chat.preflight(new Request(url, { method: "OPTIONS", headers }));
    const allowed = await ask({ origin, "access-control-request-headers": "x-user" });
    expect([allowed.status, Object.fromEntries(allowed.headers)]).toMatchObject([
      204,
      {
        allow: "POST, OPTIONS",
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": expect.stringContaining("x-user"),
      },
    ]);
    const other = await ask({ origin: "https://evil.example" });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    expect(authorize).not.toHaveBeenCalled();
  });
});

test.each([
  ["no id", null],
  ["an empty id", ""],
  ["an id that is no text", ["c1"]],
  ["a long id", "x".repeat(181)],
])("%s is refused", async (_, id) => {
  const { chat } = instance();
  const answer = manual();
  const response = await post(chat, answer.source, id as never);
  expect(await response.json()).toMatchObject({ status: 400, code: "INVALID_ID" });
  expect(answer.source).not.toHaveBeenCalled();
});

test("other methods get 405, and HEAD the headers of GET", async () => {
  const { chat } = instance();
  expect((await get(chat, "c1", { method: "PUT" })).headers.get("allow")).toBe(
    "GET, HEAD, OPTIONS",
  );
  await post(chat, manual().source);
  const head = await get(chat, "c1", { method: "HEAD" });
  expect([head.status, head.body]).toEqual([200, null]);
});

test("a resume reads the log once", async () => {
  const backend = memoryBackend();
  const { chat } = instance(backend);
  await post(chat, manual().source);
  const read = vi.spyOn(backend, "read");
  const response = await get(chat);
  expect([response.status, read.mock.calls]).toEqual([200, [["~streams/ai.c1"]]]);
});

test("ids of other streams of the bus are no chats", async () => {
  const { chat, bus } = instance();
  const { createStreams } = await import("../streams/index.ts");
  const streams = createStreams({ bus });
  await streams.start("c1", manual().source as never);
  expect((await get(chat)).status).toBe(204);
});

// The two releases' types do not fit each other, and their mock models have different names.
type Sdk = typeof ai7;
describe.each([
  ["7", ai7, mocks7.MockLanguageModelV4, mocks7.simulateReadableStream],
  ["6", ai6 as unknown as Sdk, mocks6.MockLanguageModelV3, mocks6.simulateReadableStream],
] as const)("AI SDK %s", (_, sdk, MockModel, simulate) => {
  const text = "The log is the only queue: every reader is a cursor into it.";

  /** A model that gives one word after another. */
  function model(chunkDelayInMs: number): never {
    const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
    const deltas = text.split(/(?<= )/).map((delta) => ({ type: "text-delta", id: "t", delta }));
    const finish = { type: "finish", finishReason: { unified: "stop" }, usage };
    const start = [
      { type: "stream-start", warnings: [] },
      { type: "text-start", id: "t" },
    ];
    const chunks = [...start, ...deltas, { type: "text-end", id: "t" }, finish];
    const doStream = async () => ({ stream: simulate({ chunks, chunkDelayInMs }) });
    return new (MockModel as never as new (options: unknown) => never)({ doStream });
  }

  function source(
    chunkDelayInMs: number,
    onFinish: (finished: { responseMessage: object }) => void = () => {},
  ) {
    return ({ signal: abortSignal }: { signal: AbortSignal }) =>
      sdk
        .streamText({ model: model(chunkDelayInMs), prompt: "What is it?", abortSignal })
        .toUIMessageStreamResponse({ generateMessageId: () => "m1", onFinish });
  }

  /** What the SDK's client makes of a response. */
  async function messageOf(response: Response): Promise<unknown> {
    const chat = new (class extends sdk.AbstractChat<ai7.UIMessage> {})({
      state: chatState(),
      transport: new sdk.DefaultChatTransport({ api: url, fetch: async () => response }),
    });
    await chat.resumeStream();
    return [chat.status, chat.lastMessage];
  }

  test("its client reads the same message from an answer and from one that is resumed", async () => {
    const { chat } = instance();
    const first = await post(chat, source(5));
    const again = await get(chat);
    const message = {
      id: "m1",
      role: "assistant",
      parts: [{ type: "step-start" }, { type: "text", text, state: "done" }],
    };
    expect(await Promise.all([messageOf(first), messageOf(again)])).toMatchObject([
      ["ready", message],
      ["ready", message],
    ]);
  });

  test("its client has nothing to resume after 204", async () => {
    const { chat } = instance();
    expect(await messageOf(await get(chat))).toEqual(["ready", undefined]);
  });

  test("a stop aborts the model, and `onFinish` gets what there is", async () => {
    const { chat } = instance();
    const onFinish = vi.fn<(finished: { responseMessage: object }) => void>();
    const response = await post(chat, source(20, onFinish));
    await readUntil(response, "only");
    await stop(chat);
    await vi.waitFor(() => expect(onFinish).toHaveBeenCalledOnce());
    const message = onFinish.mock.calls[0]?.[0].responseMessage;
    const part = { type: "text", text: expect.stringMatching(/^The log is the only/) };
    expect(message).toMatchObject({ id: "m1", parts: [{ type: "step-start" }, part] });
    expect(JSON.stringify(message)).not.toContain("cursor into it");
  });

  test("its client shows the error of an interrupted answer", async () => {
    const { chat } = instance();
    const answer = manual();
    const response = await post(chat, answer.source);
    answer.give('data: {"type":"start","messageId":"m1"}\n\n');
    answer.fail();
    expect(await messageOf(response)).toMatchObject(["error", { id: "m1", parts: [] }]);
  });
});

function chatState(): ai7.ChatState<ai7.UIMessage> {
  const messages: ai7.UIMessage[] = [];
  return {
    status: "ready",
    error: undefined,
    messages,
    pushMessage: (message) => void messages.push(message),
    popMessage: () => void messages.pop(),
    replaceMessage: (index, message) => void (messages[index] = message),
    snapshot: (value) => structuredClone(value),
  };
}
