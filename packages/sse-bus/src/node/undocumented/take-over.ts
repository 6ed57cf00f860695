import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { SseBusError } from "../../core/errors.ts";
import type { RouteContext } from "../../http/route-context.ts";
import type { Announcement } from "../exchange.ts";
import type { NodeListener } from "../node-call.ts";

/** How the requests for one path are answered. */
export interface TakenPath {
  /** The bus of the streams; `undefined` in a proof. */
  readonly context?: RouteContext;
  readonly answer: NodeListener;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

const TAKEN: unique symbol = Symbol.for("sse-bus.take-over");

/**
 * From the next request on, `taken` answers the requests for exactly this path, on every server of this process,
 * and the servers' own listeners do not receive them. They still receive any other spelling of the path. The
 * latest call for a path counts.
 *
 * @returns ends the take-over of the path. Idempotent.
 * @throws SseBusError `INVALID_OPTION`
 */
export function takeOver(path: string, taken: TakenPath): () => void {
  assertTakeOverPath(path);
  const paths = installTakeOver();
  paths.set(path, taken);
  return () => {
    if (paths.get(path) === taken) paths.delete(path);
  };
}

/** All paths that are taken over, by whichever bundle. */
export function takenPaths(): TakenPath[] {
  return [...((globalThis as Shared)[TAKEN]?.values() ?? [])];
}

/**
 * Checks a path: as clients send it, and unchanged by a URL parser.
 *
 * @throws SseBusError `INVALID_OPTION`
 */
export function assertTakeOverPath(path: unknown): asserts path is string {
  const isPath = typeof path === "string" && /^(?:\/[\w.~%!$&'()+,;=@-]+)+\/?$/.test(path);
  if (isPath && new URL(path, "http://localhost").pathname === path) return;
  throw new SseBusError(
    "INVALID_OPTION",
    `\`takeOver.path\` must be the stream's whole path as browsers send it, with the basePath if there is one, such as /api/sse, without origin, query or [segments]; got ${JSON.stringify(path)}.`,
  );
}

interface Shared {
  [TAKEN]?: Map<string, TakenPath>;
}

function installTakeOver(): Map<string, TakenPath> {
  const shared = globalThis as Shared;
  if (shared[TAKEN]) return shared[TAKEN];
  const paths = new Map<string, TakenPath>();
  shared[TAKEN] = paths;
  let giveBack: (() => void) | undefined;
  const settle = (): void => {
    giveBack?.();
    giveBack = undefined;
  };
  subscribe("http.server.request.start", (message) => {
    settle();
    const { request, server } = message as Announcement;
    const taken = paths.get(pathOf(request));
    if (!taken) return;
    giveBack = answerNext(server, request, taken);
    process.nextTick(settle);
  });
  return paths;
}

/**
 * Replaces the server's own listeners by one, for the event that Node emits right after it has announced the
 * request. Nothing is wrapped permanently: code that adds, removes or counts listeners finds the server's own.
 *
 * Node answers some requests without an event (one without `Host`, one too many on its connection). The listeners
 * are then restored before the next event, and before other code runs.
 */
function answerNext(server: Server, announced: IncomingMessage, taken: TakenPath): () => void {
  const own = server.rawListeners("request") as Listener[];
  server.removeAllListeners("request");

  function giveBack(): void {
    if (!server.listeners("request").includes(answer)) return;
    server.off("request", answer);
    for (const listener of own) server.on("request", listener);
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    giveBack();
    if (request !== announced) {
      server.emit("request", request, response);
      return;
    }
    taken.answer(request, response).catch((error: unknown) => {
      taken.context?.onError(error as Error);
      response.destroy();
    });
  }

  server.on("request", answer);
  return giveBack;
}

/**
 * The target up to its query, as it was sent. Nothing is decoded or resolved: a path that this code and the server
 * could read differently is left to the server.
 */
function pathOf({ url = "" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
