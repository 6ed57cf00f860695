import type { Codec } from "../core/codec.ts";
import { acceptsEventStream } from "./accept.ts";
import { prefersGzip } from "./accept-encoding.ts";
import type { HttpAnswer } from "./answer.ts";
import type { AuthorizeContext } from "./authorize.ts";
import type { ByteSink, SinkOwner } from "./byte-sink.ts";
import type { HttpCall } from "./call.ts";
import { freePlace, takePlace, takeReplay } from "./connections.ts";
import { corsHeaders, isEmbeddedElsewhere } from "./cors.ts";
import { createStreamConnection } from "./create-stream.ts";
import { GzipSink } from "./gzip-sink.ts";
import { checkHost } from "./host.ts";
import { instanceReportsOf } from "./instance-reports.ts";
import { createPage, type Page, type PageOwner, PageSink } from "./page.ts";
import { createPageAnswers } from "./page-answer.ts";
import { readPageRequest } from "./page-request.ts";
import { renewPermission, requirePermission } from "./permission.ts";
import {
  channelsToAuthorize,
  divideGrant,
  nameRequested,
  requestedTopics,
} from "./presence-request.ts";
import { createPulse } from "./pulse.ts";
import type { Permission } from "./read-grant.ts";
import { isRevokedSince, revocationOf } from "./revocation.ts";
import { countRefusal, Refusal, toRefusal } from "./refusal.ts";
import { refuseStream } from "./refuse-stream.ts";
import type { RequestHead } from "./request-head.ts";
import type { RouteContext } from "./route-context.ts";
import type { StreamConnection, StreamRoute } from "./stream-connection.ts";
import { isPrivate, streamHeaders, withEncoding } from "./stream-headers.ts";
import { checkIdentity, checkLimits, isReplay } from "./stream-limits.ts";
import type { StreamSettings } from "./stream-options.ts";
import { createRoutePresence } from "./stream-presence.ts";
import {
  CROSS_SITE,
  DRAINING,
  METHOD_NOT_ALLOWED,
  NOT_ACCEPTABLE,
  PRESENCE_AS_JSON,
  REVOKED,
} from "./stream-problems.ts";
import { readStreamRequest, type StreamRequest } from "./stream-request.ts";

/** A request for the stream, as its host sees it. */
export interface StreamCall extends Pick<HttpCall, "head" | "ip" | "request"> {
  /** Called once, when the request is neither refused nor a HEAD. */
  openSink(owner: SinkOwner, headers: StreamHeaders): ByteSink;
  /** Never compressed, whatever the client accepts. @default false */
  readonly isPlain?: boolean;
  /** Whether the client disconnected while the stream was being opened. */
  isGone(): boolean;
  /** Calls back when the client disconnects before there is an answer. Called for long polls only. */
  onGone(run: () => void): void;
}

/**
 * How a host answers a call: with a stream that has been opened, with its head only, with a page, or with a
 * refusal.
 */
export type StreamAnswer =
  | { readonly kind: "stream" | "head"; readonly headers: StreamHeaders }
  | { readonly kind: "page"; readonly answer: HttpAnswer }
  | { readonly kind: "refused"; readonly answer: HttpAnswer };

export type StreamHeaders = Readonly<Record<string, string>>;

/** A request that is being answered. */
interface Opening {
  readonly call: StreamCall;
  readonly requested: StreamRequest;
  readonly headers: StreamHeaders;
  /** Where the request is for a page. */
  readonly page: Page | undefined;
  /** Compresses the stream. */
  readonly codec: Codec | undefined;
}

/** Opens streams of a bus with the settings of a route; the same for every host. Never rejects. */
export type StreamOpener = (call: StreamCall) => Promise<StreamAnswer>;

/** @param codec Of hosts that can compress. */
export function createStreamOpener(
  context: RouteContext,
  settings: StreamSettings,
  codec?: Codec,
): StreamOpener {
  const { connections } = context;
  const { authorize, compress } = settings;
  const pulse = createPulse(context.engine, settings.heartbeatMs);
  const ownHeaders = streamHeaders({ isPrivate: isPrivate(settings) });
  const route: StreamRoute = { context, settings, onClose: pulse.remove };
  const presence = settings.presence && createRoutePresence(context, settings.presence);
  const asking = { timeoutMs: settings.authorizeTimeoutMs, onError: context.onError };
  const revocation = revocationOf(context);
  // It then answers the inspector of another instance.
  instanceReportsOf(context);
  const pages = createPageAnswers(context, settings);

  async function open(call: StreamCall): Promise<StreamAnswer> {
    const { head, ip } = call;
    checkHost(head, settings);
    if (head.method !== "GET" && head.method !== "HEAD") throw new Refusal(METHOD_NOT_ALLOWED);
    if (isEmbeddedElsewhere(head, settings.cors)) throw new Refusal(CROSS_SITE);
    const paged = readPageRequest(head);
    if (paged?.form !== "json" && !acceptsEventStream(head)) throw new Refusal(NOT_ACCEPTABLE);
    const isCompressed = compress && !paged && !call.isPlain && prefersGzip(head);
    const coding = isCompressed ? codec : undefined;
    const headers = paged ? pages.headers(head, paged) : streamHeadersFor(head, coding);
    // The body of an answer to HEAD is never read, so nothing would end a stream that it had opened.
    if (head.method === "HEAD") return { kind: "head", headers };

    const requested = readStreamRequest(head);
    if (paged?.form === "json" && requested.presence.length > 0)
      throw new Refusal(PRESENCE_AS_JSON);
    const all = requestedTopics(requested, settings.presence);
    checkLimits({ ...requested, topics: all, ip }, settings, connections);
    if (connections.isDraining) throw new Refusal(DRAINING);
    const page = paged && createPage(paged);
    const endReplay = isReplay(requested) ? takeReplay(connections, ip) : undefined;
    let connection: StreamConnection;
    try {
      connection = await openPermitted({ call, requested, headers, page, codec: coding });
    } finally {
      endReplay?.();
    }
    if (!page) return { kind: "stream", headers };
    return {
      kind: "page",
      answer: await pages.answer(page, { head, requested, headers, connection }),
    };
  }

  function streamHeadersFor(head: RequestHead, coding: Codec | undefined): StreamHeaders {
    const headers = { ...ownHeaders, ...corsHeaders(head, settings.cors) };
    return compress && codec ? withEncoding(headers, coding?.name) : headers;
  }

  async function openPermitted(opening: Opening): Promise<StreamConnection> {
    const { call, requested } = opening;
    const { ip } = call;
    const topics = channelsToAuthorize(requested);
    let connection: StreamConnection | undefined;
    takePlace(connections, ip);
    try {
      // Before `authorize`: what it reads now may be revoked by the next message of another instance.
      if (!revocation.isLive) await revocation.goLive();
      let permission: Permission = { channels: topics, expiresAt: Number.POSITIVE_INFINITY };
      // Not awaited without `authorize`: Next's async context follows each promise.
      for (let asked = 0; authorize; asked++) {
        if (asked === MAX_ASKS) throw new Refusal(REVOKED);
        const { count } = revocation;
        permission = await requirePermission(authorize, subscribing(call, topics), asking);
        // No await may come between this and the registration: a disconnect would find the stream nowhere.
        if (!isRevokedSince(revocation, count, permission)) break;
      }
      // Checked again after the await: a drain ends only the streams that are open when it begins.
      if (connections.isDraining) throw new Refusal(DRAINING);
      if (permission.identity) checkIdentity(permission.identity, settings, connections);
      connection = connect(opening, permission);
    } catch (error) {
      throw nameRequested(error, requested);
    } finally {
      if (!connection) freePlace(connections, ip);
    }
    await start(connection, opening);
    return connection;
  }

  function connect(
    { call, requested, headers, page, codec: coding }: Opening,
    { channels, expiresAt, identity }: Permission,
  ): StreamConnection {
    const { topics, follows } = divideGrant(channels, requested);
    // The client of a page without a wait is not a member: it has its answer. One that waits is.
    const member = page?.request.waitMs === 0 ? undefined : identity;
    return createStreamConnection(route, {
      topics,
      ip: call.ip,
      identity,
      presence: presence?.forStream({ topics, follows, identity: member }),
      page,
      endsAt: endOfLife(settings.maxLifetimeMs),
      // Not made where it is not needed: a function keeps the whole request while the stream is open.
      expiry:
        expiresAt === Number.POSITIVE_INFINITY
          ? undefined
          : { expiresAt, renew: () => renew(call, requested, { channels, identity }) },
      openSink(owner) {
        if (page) return new PageSink(page, owner as PageOwner);
        const sink = call.openSink(owner, headers);
        return coding ? new GzipSink(sink) : sink;
      },
    });
  }

  /**
   * When the renewed permission expires; `undefined` if it is of another identity, or does not cover the
   * stream's channels any more.
   */
  async function renew(
    call: StreamCall,
    requested: StreamRequest,
    { channels, identity }: Pick<Permission, "channels" | "identity">,
  ): Promise<number | undefined> {
    if (!authorize) return Number.POSITIVE_INFINITY;
    const asked = subscribing(call, channelsToAuthorize(requested));
    const renewed = await renewPermission(authorize, asked, asking);
    if (!renewed || renewed.identity?.id !== identity?.id) return undefined;
    const isCovered = channels.every((name) => renewed.channels.includes(name));
    return isCovered ? renewed.expiresAt : undefined;
  }

  async function start(
    connection: StreamConnection,
    { call, requested, page, codec: coding }: Opening,
  ): Promise<void> {
    try {
      await connection.open(requested.start, coding);
    } catch (error) {
      connection.drop("error");
      throw error;
    }
    if (page) {
      if (call.isGone()) connection.drop("client");
      else if (connections.open.has(connection)) call.onGone(() => connection.drop("client"));
      return;
    }
    pulse.add(connection);
    // A client that disconnected during the awaits above is not reported again.
    if (call.isGone() || !connections.open.has(connection)) {
      connection.drop("client");
      pulse.remove(connection);
    }
  }

  return async (call) => {
    try {
      return await open(call);
    } catch (error) {
      const refusal = toRefusal(error);
      const { head } = call;
      if (refusal.problem.status === 500) context.onError(error as Error);
      countRefusal(connections, refusal);
      const headers = { ...refusal.problem.headers, ...corsHeaders(head, settings.cors) };
      const problem = { ...refusal.problem, headers };
      return { kind: "refused", answer: refuseStream({ head, problem, settings }) };
    }
  };
}

function subscribing(call: StreamCall, channels: readonly string[]): AuthorizeContext {
  return { request: call.request(), channels, action: "subscribe" };
}

/** How often `authorize` is asked for one request whose access is revoked while it runs. */
const MAX_ASKS = 3;

/** Spread by 10 % each way: otherwise all clients of one deploy would reconnect at the same moment. */
function endOfLife(maxLifetimeMs: number): number {
  return Date.now() + maxLifetimeMs * (0.9 + Math.random() * 0.2);
}
