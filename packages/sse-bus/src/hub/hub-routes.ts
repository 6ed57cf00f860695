import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Handler } from "../http/call.ts";
import { checkHost } from "../http/host.ts";
import { createHealthHandler } from "../http/health-handler.ts";
import { createMetricsHandler } from "../http/metrics-handler.ts";
import { createPresenceHandler } from "../http/presence-handler.ts";
import { type Problem, problemAnswer } from "../http/problem.ts";
import { createPublishHandler } from "../http/publish-handler.ts";
import { Refusal, toRefusal } from "../http/refusal.ts";
import type { RouteContext } from "../http/route-context.ts";
import { nodeInspector } from "../node/inspector-handler.ts";
import { nodeCall } from "../node/node-call.ts";
import { nodeRequestHead } from "../node/request-head.ts";
import { sendAnswer } from "../node/send-answer.ts";
import type { PlainRequestListener } from "../node/undocumented/fast-lane.ts";
import { createStreamRequestHandlers } from "../node/stream-requests.ts";
import { tokenAuthorize } from "../inspector/token-authorize.ts";
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
const INSPECTOR_PATH = "/inspector";

/** Paths whose handlers check the host. */
const SELF_CHECKED: ReadonlySet<string> = new Set([
  STREAM_PATH,
  "/publish",
  "/presence",
  INSPECTOR_PATH,
]);

/** Handlers that replace the hub's own, where several processes form one hub. */
export interface HubOverrides {
  readonly health?: Handler;
  readonly metrics?: Handler;
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
    presence,
    maxStatesPerMinute,
    inspectorToken,
  } = options;
  const streams = createStreamRequestHandlers(context, options, trustedProxies);
  const unanswered = new Set<Socket>();
  const env = {
    ...(publishToken !== undefined && { SSE_BUS_PUBLISH_TOKEN: publishToken }),
    ...(openPublish && !authorizePublish && { SSE_BUS_OPEN_PUBLISH: "1" }),
  };
  const { maxPublishesPerMinute } = options;
  const handlers: Record<string, Handler> = {
    "/publish": createPublishHandler(
      context,
      {
        allowedHosts,
        ...(cors && { cors }),
        ...(authorizePublish && { authorize: authorizePublish }),
        ...(maxPublishesPerMinute !== undefined && { maxPublishesPerMinute }),
      },
      { env: () => env, isTokenEnough: publishToken !== undefined },
    ),
    ...(presence && {
      "/presence": createPresenceHandler(
        context,
        { allowedHosts, ...(cors && { cors }), ...(maxStatesPerMinute && { maxStatesPerMinute }) },
        { env: () => env },
      ),
    }),
    "/health": overrides.health ?? createHealthHandler(context),
    "/metrics": overrides.metrics ?? createMetricsHandler(context, { nodeMetrics: true }),
  };

  const authorize = tokenAuthorize(inspectorToken);
  const inspect =
    authorize &&
    nodeInspector(context, { authorize, allowedHosts }, { env: () => ({}), trustedProxies });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = sentPath(request);
    // Those check it themselves, and explain the refusal to pages of other origins.
    const isChecked = SELF_CHECKED.has(path) && request.method !== "OPTIONS";
    if (!isChecked) checkHost(nodeRequestHead(request), { allowedHosts });
    if (path === STREAM_PATH) return streams.onRequest(request, response);
    if (inspect && path === INSPECTOR_PATH) return inspect(request, response);
    const handle = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
    if (!handle) throw new Refusal(NOT_FOUND);
    sendAnswer(await handle(nodeCall(request, response, trustedProxies)), response);
  }

  /** Answers what a handler throws like any refusal, unless an answer has begun. */
  function explain(error: unknown, response: ServerResponse): void {
    const { problem } = toRefusal(error);
    if (response.headersSent || problem.status === 500) throw error;
    sendAnswer(problemAnswer(problem), response);
  }

  const failed = (error: unknown, connection: { destroy(): unknown }): void => {
    context.onError(error as Error);
    connection.destroy();
  };

  return {
    onRequest(request, response) {
      answer(request, response)
        .catch((error: unknown) => explain(error, response))
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

const NOT_FOUND: Problem = {
  status: 404,
  code: "NOT_FOUND",
  detail:
    "The hub serves /sse, /publish, /health, /metrics, /presence with `presence`, and /inspector with `inspectorToken`, in exactly this spelling.",
};
