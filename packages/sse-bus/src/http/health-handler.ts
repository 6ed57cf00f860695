import { countSinks } from "./connections.ts";
import { fastPathsOff } from "./fast-paths.ts";
import { isReachable } from "./backend-probe.ts";
import { assertAllowedHosts, checkHost, type HostOptions } from "./host.ts";
import { queryOf } from "./request-head.ts";
import { type HttpAnswer, jsonAnswer, PRIVATE_HEADERS } from "./answer.ts";
import { answerRequests } from "./answer-request.ts";
import type { HttpCall, Handler } from "./call.ts";
import { checkReadMethod, READ_METHODS } from "./read-methods.ts";
import type { RouteContext } from "./route-context.ts";

/**
 * Answers `/api/health`: 200 while streams can be opened and messages published, else 503. With
 * `?verbose` it counts the streams by how their bytes leave.
 *
 * @throws SseBusError `INVALID_OPTION`
 */
export function createHealthHandler(context: RouteContext, options: HostOptions = {}): Handler {
  const { bus, connections, engine } = context;
  assertAllowedHosts(options.allowedHosts);

  async function answer({ head }: HttpCall): Promise<HttpAnswer> {
    checkReadMethod(head);
    checkHost(head, options);
    const isConnected = await isReachable(engine);
    const stats = bus.stats();
    const isUp = isConnected && stats.status === "up";
    const status = connections.isDraining ? "draining" : isUp ? "ok" : "down";
    const { backend, channels } = stats;
    const off = fastPathsOff();
    const isVerbose = queryOf(head).has("verbose");
    return jsonAnswer(
      {
        status,
        backend,
        connections: connections.open.size,
        channels,
        ...(off && { fastPathsOff: off }),
        ...(isVerbose && { sinks: countSinks(connections) }),
      },
      PRIVATE_HEADERS,
      status === "ok" ? 200 : 503,
    );
  }

  return answerRequests(context, { allow: READ_METHODS }, answer);
}
