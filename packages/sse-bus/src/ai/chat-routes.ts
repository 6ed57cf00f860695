import { type HttpAnswer, toResponse } from "../http/answer.ts";
import { answerHeaders, answerRequests } from "../http/answer-request.ts";
import type { Authorize } from "../http/authorize.ts";
import { corsHeaders, isCrossSite } from "../http/cors.ts";
import { checkHost } from "../http/host.ts";
import { requirePermission } from "../http/permission.ts";
import type { Problem } from "../http/problem.ts";
import { Refusal } from "../http/refusal.ts";
import { routeContext } from "../http/route-context.ts";
import { streamHeaders } from "../http/stream-headers.ts";
import { crossSite, methodNotAllowed } from "../http/usual-problems.ts";
import { webCall } from "../http/web-call.ts";
import { defaultAllowedHosts } from "../next/allowed-hosts.ts";
import { createOwnStreams } from "../streams/create-streams.ts";
import { assertChatOptions, type ChatAction, type ChatRouteOptions } from "./chat-options.ts";
import { endsSoon } from "./ends-soon.ts";
import { endWithErrorPart } from "./error-part.ts";
import { bodyOf } from "./response-body.ts";

/** The routes of a chat whose page uses `useChat` of the AI SDK; see {@link createChatRoutes}. */
export interface ChatRoutes {
  /**
   * Answers the `POST` of a chat. The answer runs to its end whether or not anybody reads; one that still runs for
   * the same chat is stopped first. Errors become problem documents.
   *
   * @param chat the request, and the chat's id of its body
   * @param source makes the answer. Pass on its `signal`, which is aborted by `stop`, and not that of the request
   */
  answer(
    chat: { readonly request: Request; readonly id: string },
    source: ChatSource,
  ): Promise<Response>;
  /** Answers the preflight of that `POST`, for pages of the origins that `cors` names: `export const OPTIONS`. */
  readonly preflight: (request: Request) => Promise<Response>;
  /** The route `GET {api}/[id]/stream`: the running answer from its start, or 204 if none runs. */
  readonly resume: ChatRoute;
  /** Stops the answer, on whichever instance it runs: 204. For `POST` or `DELETE`. */
  readonly stop: ChatRoute;
}

/** A handler for a route with the segment `[id]`. */
export type ChatRoute = (
  request: Request,
  context: { readonly params: { readonly id: string } | Promise<{ readonly id: string }> },
) => Promise<Response>;

/** Makes an answer: a response with a UI message stream, such as that of `toUIMessageStreamResponse`. */
export type ChatSource = (options: {
  readonly signal: AbortSignal;
}) => Response | Promise<Response>;

/**
 * What the routes of a chat need so that `useChat({ resume: true })` of the AI SDK 6 and 7 continues an answer after a
 * reload, in several tabs, and on any instance. It stores the answer in the bus's log.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // lib/chat.ts
 * export const chat = createChatRoutes({ bus, authorize: ({ request, id }) => ownsChat(request, id) });
 *
 * // app/api/chat/route.ts
 * export async function POST(request: Request) {
 *   const { id, messages } = await request.json();
 *   return chat.answer({ request, id }, async ({ signal }) => {
 *     const prompt = await convertToModelMessages(messages);
 *     return streamText({ model, messages: prompt, abortSignal: signal }).toUIMessageStreamResponse();
 *   });
 * }
 *
 * // app/api/chat/[id]/stream/route.ts
 * export const GET = chat.resume;
 * // app/api/chat/[id]/stop/route.ts
 * export const POST = chat.stop;
 * ```
 */
export function createChatRoutes(options: ChatRouteOptions): ChatRoutes {
  assertChatOptions(options);
  const { bus, authorize, authorizeTimeoutMs: timeoutMs = 10_000, cors, ...others } = options;
  const { allowedHosts = defaultAllowedHosts(), ...limits } = others;
  const context = routeContext(bus);
  const streams = createOwnStreams({ bus, ...limits });

  /** @throws Refusal */
  async function check(request: Request, id: string, action: ChatAction): Promise<void> {
    checkHost(request, { allowedHosts });
    if (isCrossSite(request, cors)) throw new Refusal(CROSS_SITE);
    if (typeof id !== "string" || id === "") throw new Refusal(NO_ID);
    // Grants of channels, for a while, or with an identity mean nothing here: nobody would check them.
    const ask: Authorize = async () => {
      const answer: unknown = await authorize({ request, id, action });
      return answer === 401 ? 401 : answer === true;
    };
    const asked = { request, channels: [id], action: "subscribe" } as const;
    await requirePermission(ask, asked, { timeoutMs, onError: context.onError });
  }

  /** @throws Refusal 429 if another answer starts at the same time, or cannot be stopped */
  async function start(id: string, source: ChatSource): Promise<ReadableStream<Uint8Array>> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      let isOwn = false;
      const body = await streams.start(streamId(id), async ({ signal }) => {
        isOwn = true;
        return bodyOf(await source({ signal }));
      });
      if (isOwn) return body;
      // A newer question replaces the answer that still runs.
      await streams.stop(streamId(id));
      if (!(await endsSoon(body))) break;
    }
    throw new Refusal(SENT_TWICE);
  }

  function stream(request: Request, body: ReadableStream<Uint8Array> | null): ChatAnswer {
    const headers = {
      ...streamHeaders({ isPrivate: true }),
      ...corsHeaders(request, cors),
      "x-vercel-ai-ui-message-stream": "v1",
    };
    return { status: 200, headers, body: body && endWithErrorPart(body) };
  }

  function noContent(request: Request): ChatAnswer {
    return { status: 204, headers: answerHeaders(request, cors), body: null };
  }

  /** Handles the requests of a route with the segment `[id]`. */
  function route(methods: string, handle: Handle): ChatRoute {
    const allow = `${methods}, OPTIONS`;
    return async (request, { params }) =>
      respond(request, allow, async () => {
        if (!allow.split(", ").includes(request.method)) throw new Refusal(methodNotAllowed(allow));
        return handle(request, (await params).id);
      });
  }

  async function respond(
    request: Request,
    allow: string,
    answer: () => Promise<ChatAnswer>,
  ): Promise<Response> {
    const handler = answerRequests(context, { allow, cors }, answer);
    return toResponse(await handler(webCall(request, undefined)));
  }

  return {
    answer: async ({ request, id }, source) =>
      respond(request, ANSWER_METHODS, async () => {
        await check(request, id, "answer");
        return stream(request, await start(id, source));
      }),
    preflight: async (request) =>
      respond(request, ANSWER_METHODS, async () => {
        throw new Refusal(methodNotAllowed(ANSWER_METHODS));
      }),
    resume: route("GET, HEAD", async (request, id) => {
      await check(request, id, "resume");
      const body = await streams.resumeRunning(streamId(id));
      if (!body) return noContent(request);
      // A body that nobody reads costs nothing.
      return stream(request, request.method === "HEAD" ? null : body);
    }),
    stop: route("POST, DELETE", async (request, id) => {
      await check(request, id, "stop");
      await streams.stop(streamId(id));
      return noContent(request);
    }),
  };
}

type ChatAnswer = HttpAnswer<ReadableStream<Uint8Array> | null>;
type Handle = (request: Request, id: string) => Promise<ChatAnswer>;

const ANSWER_METHODS = "POST, OPTIONS";

/** Other streams of the bus have ids of their own. */
function streamId(id: string): string {
  return `ai.${id}`;
}

const CROSS_SITE = crossSite("use this chat");

const NO_ID: Problem = {
  status: 400,
  code: "INVALID_ID",
  detail: "The id of the chat is missing: send a string of 1 to 177 characters.",
};

const SENT_TWICE: Problem = {
  status: 429,
  code: "TOO_MANY_REQUESTS",
  detail: "Another message of this chat arrived at the same time. Wait for its answer, or stop it.",
  headers: { "Retry-After": "1" },
};
