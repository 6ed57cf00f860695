import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createHealthHandler } from "../http/health-handler.ts";
import { createMetricsHandler } from "../http/metrics-handler.ts";
import { problemResponse } from "../http/problem.ts";
import { createPublishHandler } from "../http/publish-handler.ts";
import { toRefusal } from "../http/refusal.ts";
import type { RouteContext } from "../http/route-context.ts";
import { toWebRequest } from "../node/request-head.ts";
import { sendResponse } from "../node/send-response.ts";
import type { PlainListener } from "../node/undocumented/fast-lane.ts";
import { createStreamListeners } from "../node/stream-listener.ts";
import type { HubOptions } from "./hub-options.ts";

/** Answers the hub's requests. */
export interface HubRoutes {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Those for {@link STREAM_PATH} that need no `node:http`. */
  readonly onPlainStream: PlainListener;
  /** The connections of those that have no answer yet: `authorize` may take its time. */
  readonly unanswered: ReadonlySet<Socket>;
}

export const STREAM_PATH = "/sse";

/** Answers one web-standard request. */
export type HubHandler = (request: Request) => Response | Promise<Response>;

/** Answers in place of the hub's own, where several processes are one hub. */
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
  const streams = createStreamListeners(context, options, trustedProxies);
  const unanswered = new Set<Socket>();
  /** Where web-standard requests came from. */
  const addresses = new WeakMap<object, string>();
  const env = {
    ...(publishToken !== undefined && { SSE_BUS_PUBLISH_TOKEN: publishToken }),
    ...(openPublish && { SSE_BUS_OPEN_PUBLISH: "1" }),
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
      { env: () => env, trustedProxies, socketIp: (request) => addresses.get(request) },
    ),
    "/health": overrides.health ?? createHealthHandler(context),
    "/metrics": overrides.metrics ?? createMetricsHandler(context, { nodeMetrics: true }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = sentPath(request);
    if (path === STREAM_PATH) return streams.onRequest(request, response);
    const handle = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
    if (!handle) return sendResponse(notFound(), response);
    const webRequest = toWebRequest(request, response);
    const { remoteAddress } = request.socket;
    if (remoteAddress !== undefined) addresses.set(webRequest, remoteAddress);
    await sendResponse(await handle(webRequest), response);
  }

  /** What a handler throws is answered like any refusal, as long as there is no answer yet. */
  async function explain(error: unknown, response: ServerResponse): Promise<void> {
    const { problem } = toRefusal(error);
    if (response.headersSent || problem.status === 500) throw error;
    await sendResponse(problemResponse(problem), response);
  }

  const failed = (error: unknown, line: { destroy(): unknown }): void => {
    context.onError(error as Error);
    line.destroy();
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
 * The path as it was sent. A URL parser would make `/sse` of `/health/..\\sse` and of `/health/%2e%2e/sse`,
 * and a proxy in front that allows `/health` only would let both pass (RFC 9110 §4.2.3).
 */
function sentPath({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function notFound(): Response {
  return problemResponse({
    status: 404,
    code: "NOT_FOUND",
    detail: "The hub answers /sse, /publish, /health and /metrics, spelled exactly so.",
  });
}
