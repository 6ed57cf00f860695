import type { OutgoingMessage } from "../core/bus-types.ts";
import { assertDisconnect } from "../core/disconnect-target.ts";
import { isSseBusError } from "../core/errors.ts";
import { namesEventStream, prefersJson } from "../http/accept.ts";
import { answerRequests } from "../http/answer-request.ts";
import { type HttpAnswer, jsonAnswer } from "../http/answer.ts";
import type { Handler, HttpCall } from "../http/call.ts";
import { isCrossSite } from "../http/cors.ts";
import type { InstanceReport } from "../http/instance-report.ts";
import { instanceReportsOf } from "../http/instance-reports.ts";
import { FORBIDDEN } from "../http/permission.ts";
import { readPost } from "../http/publish-request.ts";
import { readJson } from "../http/read-json.ts";
import { Refusal } from "../http/refusal.ts";
import { queryOf, type RequestHead } from "../http/request-head.ts";
import type { RouteContext } from "../http/route-context.ts";
import type { StreamOptions } from "../http/stream-options.ts";
import { crossSite, methodNotAllowed } from "../http/usual-problems.ts";
import { createInspectorAccess } from "./inspector-access.ts";
import type { InspectorEnv, InspectorGrant, InspectorOptions } from "./inspector-options.ts";
import { pageAnswer } from "./page-answer.ts";

/** The data of the inspector: `GET` with `Accept: application/json`. */
export interface InspectorData {
  /** What this client may do, besides looking. */
  readonly may: Required<InspectorGrant>;
  /** All instances, the one that answers first. */
  readonly instances: readonly InstanceReport[];
}

/**
 * The inspector behind one URL, for every server. `GET` answers the page, its data, or the event stream, as `Accept`
 * says; `POST ?action=…` publishes or disconnects.
 */
export interface Inspector {
  /** Whether a request is for the event stream, which the server opens itself after {@link refusal}. */
  isForStream(head: RequestHead): boolean;
  /** The refusal of a request for the event stream, if its client may not look. */
  refusal(call: HttpCall): Promise<HttpAnswer | undefined>;
  /** Answers every other request. */
  readonly handle: Handler;
  /** Of its event stream: the ordinary one of the bus, with any channel. */
  readonly streamOptions: StreamOptions;
}

const ALLOW = "GET, HEAD, POST, OPTIONS";
/** Access is checked again at least this often. */
const MAX_LIFETIME_MS = 600_000;
/** Bytes of a target, and of its code. */
const MAX_TARGET_BYTES = 2048;

/** @throws SseBusError `INVALID_OPTION` */
export function createInspector(
  context: RouteContext,
  options: InspectorOptions,
  env: () => InspectorEnv,
): Inspector {
  const { bus, maxMessageBytes } = context;
  const access = createInspectorAccess(context, options, env);
  const reports = instanceReportsOf(context);

  async function enter(call: HttpCall): Promise<Required<InspectorGrant>> {
    // A `Request` cannot have this method, so `authorize` cannot decide about it.
    if (call.head.method === "TRACE") throw new Refusal(METHOD_NOT_ALLOWED);
    return access.enter(call);
  }

  async function answer(call: HttpCall): Promise<HttpAnswer> {
    const { head } = call;
    const may = await enter(call);
    if (head.method === "POST") return act(call, may);
    if (head.method !== "GET" && head.method !== "HEAD") throw new Refusal(METHOD_NOT_ALLOWED);
    if (!prefersJson(head)) return pageAnswer(head);
    checkOrigin(head);
    return jsonAnswer({ may, instances: reports.read() } satisfies InspectorData);
  }

  const enterStream = answerRequests(context, { allow: ALLOW }, async (call) => {
    await enter(call);
    checkOrigin(call.head);
    return { status: 204, headers: {}, body: null };
  });

  async function act(call: HttpCall, may: Required<InspectorGrant>): Promise<HttpAnswer> {
    checkOrigin(call.head);
    const action = queryOf(call.head).get("action");
    if (action === "publish") return publish(call, may);
    if (action === "disconnect") return disconnect(call, may);
    const detail = "Send `?action=publish` or `?action=disconnect`.";
    throw new Refusal({ status: 400, code: "MALFORMED_BODY", detail });
  }

  async function publish(call: HttpCall, may: Required<InspectorGrant>): Promise<HttpAnswer> {
    if (!may.publish) throw new Refusal(FORBIDDEN);
    const wanted = await readPost(call, maxMessageBytes);
    if ("data" in wanted) return jsonAnswer(await bus.publish(wanted.data, wanted.options));
    const messages = wanted.map(({ data, options: given }) => ({ ...given, data }));
    return jsonAnswer(await bus.publishMany(messages as OutgoingMessage[]));
  }

  async function disconnect(call: HttpCall, may: Required<InspectorGrant>): Promise<HttpAnswer> {
    if (!may.disconnect) throw new Refusal(FORBIDDEN);
    const body = await readJson(call, MAX_TARGET_BYTES);
    const { code, ...target } = (typeof body === "object" && body ? body : {}) as { code?: string };
    checkTarget(target, code);
    return jsonAnswer({ ended: await bus.disconnect(target, { code }) });
  }

  return {
    isForStream: namesEventStream,
    async refusal(call) {
      const { status, ...refused } = await enterStream(call);
      return status === 204 ? undefined : { status, ...refused };
    },
    handle: answerRequests(context, { allow: ALLOW }, answer),
    streamOptions: {
      ...access.hosts,
      // A client that reaches the stream has passed `refusal`.
      authorize: () => true,
      maxLifetimeMs: MAX_LIFETIME_MS,
    },
  };
}

/** What the application would have to mend is here the client's mistake. */
function checkTarget(target: object, code: string | undefined): void {
  try {
    assertDisconnect(target, { code });
  } catch (error) {
    if (!isSseBusError(error) || error.code !== "INVALID_OPTION") throw error;
    throw new Refusal({ status: 400, code: "MALFORMED_BODY", detail: error.message });
  }
}

function checkOrigin(head: RequestHead): void {
  if (isCrossSite(head, undefined)) throw new Refusal(CROSS_SITE);
}

const METHOD_NOT_ALLOWED = methodNotAllowed(ALLOW, "Read with GET, act with POST and JSON.");
const CROSS_SITE = crossSite("use the inspector", "open the inspector itself");
