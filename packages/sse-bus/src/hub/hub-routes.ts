import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { checkHost } from "../http/host.ts";
import { createHealthHandler } from "../http/health-handler.ts";
import { createMetricsHandler } from "../http/metrics-handler.ts";
import { problemResponse } from "../http/problem.ts";
import { createPublishHandler } from "../http/publish-handler.ts";
import { toRefusal } from "../http/refusal.ts";
import type { RouteContext } from "../http/route-context.ts";
import { nodeRequestHead, toWebRequest } from "../node/request-head.ts";
import { sendResponse } from "../node/send-response.ts";
import type { PlainRequestListener } from "../node/undocumented/fast-lane.ts";
import { createStreamRequestHandlers } from "../node/stream-requests.ts";
import type { HubOptions } from "./hub-options.ts";

/** Answers the hub's requests. */
export interface HubRoutes {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Plain requests for {@link STREAM_PATH}, which skip `node:http`. */
  readonly onPlainStream: PlainRequestListener;
  /** The connections of plain requests without an answer yet: `authorize` may take a while. */
  readonly unanswered: ReadonlySet<Socket>;
}

export const STREAM_PATH = "/sse";

/** Answers one web-standard request. */
export type HubHandler = (request: Request) => Response | Promise<Response>;

/** Handlers that replace the hub's own, where several processes form one hub. */
export interface HubOverrides {
  readonly health?: HubHandler;
  readonly metrics?: HubHandler;
}

/** @throws SseBusError `INVALID_OPTION` */
export function createHubRoutes(
  context: RouteContext,
  options: Omit<HubOptions<never, never>, "bus">,
  overrides: HubOverrides = {},
): HubRoutes {
  const {
    trustedProxies = 0,
    publishToken,
    openPublish,
    authorizePublish,
    cors,
    allowedHosts,
  } = options;
  const streams = createStreamRequestHandlers(context, options, trustedProxies);
  const unanswered = new Set<Socket>();
  /** The client addresses of web-standard requests. */
  const addresses = new WeakMap<object, string>();
  const env = {
    ...(publishToken !== undefined && { SSE_BUS_PUBLISH_TOKEN: publishToken }),
    ...(openPublish && !authorizePublish && { SSE_BUS_OPEN_PUBLISH: "1" }),
  };
  const { maxPublishesPerMinute } = options;
  const handlers: Record<string, HubHandler> = {
    "/publish": createPublishHandler(
      context,
      {
        allowedHosts,
        ...(cors && { cors }),
        ...(authorizePublish && { authorize: authorizePublish }),
        ...(maxPublishesPerMinute !== undefined && { maxPublishesPerMinute }),
      },
      {
        env: () => env,
        isTokenEnough: publishToken !== undefined,
        trustedProxies,
        socketIp: (request) => addresses.get(request),
      },
    ),
    "/health": overrides.health ?? createHealthHandler(context),
    "/metrics": overrides.metrics ?? createMetricsHandler(context, { nodeMetrics: true }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = sentPath(request);
    const head = nodeRequestHead(request);
    // Those two check it themselves, and explain the refusal to pages of other origins.
    const isChecked = (path === STREAM_PATH || path === "/publish") && head.method !== "OPTIONS";
    if (!isChecked) checkHost(head, { allowedHosts });
    if (path === STREAM_PATH) return streams.onRequest(request, response);
    const handle = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
    if (!handle) return sendResponse(notFound(), response);
    const webRequest = toWebRequest(request, response);
    const { remoteAddress } = request.socket;
    if (remoteAddress !== undefined) addresses.set(webRequest, remoteAddress);
    await sendResponse(await handle(webRequest), response);
  }

  /** Answers what a handler throws like any refusal, unless an answer has begun. */
  async function explain(error: unknown, response: ServerResponse): Promise<void> {
    const { problem } = toRefusal(error);
    if (response.headersSent || problem.status === 500) throw error;
    await sendResponse(problemResponse(problem), response);
  }

  const failed = (error: unknown, connection: { destroy(): unknown }): void => {
    context.onError(error as Error);
    connection.destroy();
  };

  return {
    onRequest(request, response) {
      answer(request, response)
        .catch(async (error: unknown) => explain(error, response))
        .catch((error: unknown) => failed(error, response));
    },
    onPlainStream(request, socket) {
      unanswered.add(socket);
      streams
        .onPlainRequest(request, socket)
        .catch((error: unknown) => failed(error, socket))
        .finally(() => unanswered.delete(socket));
    },
    unanswered,
  };
}

/**
 * The path as it was sent. A URL parser would resolve `/health/..\\sse` and `/health/%2e%2e/sse` to `/sse`, and
 * a proxy in front that allows `/health` only would let both pass (RFC 9110 §4.2.3).
 */
function sentPath({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function notFound(): Response {
  return problemResponse({
    status: 404,
    code: "NOT_FOUND",
    detail: "The hub serves /sse, /publish, /health and /metrics, in exactly this spelling.",
  });
}
